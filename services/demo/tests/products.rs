//! The product service.

mod part;

use part::{Part, testing::request};

#[test]
fn products_are_a_list_and_one_by_one() {
    let product = Part::start("product", &[("VERSION", "v2")]);
    let list = product.get("/api/products");
    assert_eq!(
        list.body,
        r#"[{"id":1,"name":"Compass","price":24.5},{"id":2,"name":"Lantern","price":39.0},{"id":3,"name":"Rope","price":12.75}]"#
    );
    assert_eq!(
        (list.status, list.header("content-type")),
        (200, Some("application/json"))
    );
    assert_eq!(
        (list.header("x-version"), list.header("x-pod")),
        (Some("v2"), Some("pod-1"))
    );
    assert_eq!(
        product.get("/api/products/2").body,
        r#"{"id":2,"name":"Lantern","price":39.0}"#
    );
}

#[test]
fn what_it_does_not_have_is_a_json_error() {
    let product = Part::start("product", &[]);
    for target in [
        "/api/products/4",
        "/api/products/two",
        "/api/products/",
        "/api/productsx",
        "/",
    ] {
        let reply = product.get(target);
        assert_eq!(reply.status, 404, "{target}");
        assert!(reply.error().starts_with("no such "), "{target}");
    }
    assert_eq!(request(product.address, "POST", "/api/products", &[]).status, 405);
}
