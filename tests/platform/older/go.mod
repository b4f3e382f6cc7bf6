// Releases before the pinned ones, for the tests of upgrades. Only their files are read; nothing is built.
module meshgate.io/tests/older

go 1.26.2

require sigs.k8s.io/gateway-api v1.5.1
