"""Whose a thing is, by its tags."""

from __future__ import annotations

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.ownership import OWNER_TAG, REGION_TAG, Owner

OURS = Owner("sandbox", "us-west-2")
OLD = {OWNER_TAG: "sandbox"}
NAMESAKE = {OWNER_TAG: "sandbox", REGION_TAG: "eu-west-1"}


def test_its_marks_are_its_own():
    assert OURS.owns(OURS.marks())
    assert OURS.owns_globally(OURS.marks())
    assert not OURS.may_own(OURS.marks())


def test_a_mark_of_before_there_were_regions_is_enough_in_our_region_only():
    assert OURS.owns(OLD)
    assert not OURS.owns_globally(OLD)
    assert OURS.may_own(OLD)


@pytest.mark.parametrize("tags", [{}, {OWNER_TAG: "other"}, {REGION_TAG: "us-west-2"}, NAMESAKE, {OWNER_TAG: "other", REGION_TAG: "us-west-2"}])
def test_a_stranger_is_never_ours(tags):
    assert not OURS.owns(tags)
    assert not OURS.owns_globally(tags)
    assert not OURS.may_own(tags)
