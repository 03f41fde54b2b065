//! What the API server makes itself.

use super::*;

#[test]
fn the_table_of_what_the_api_server_makes_itself_is_read_for_each_version() {
    let rights = |version: Option<&str>| {
        let defaults = Defaults::of(version.and_then(Version::read)).unwrap();
        let mut objects = Objects::default();
        defaults.add_roles(&mut objects);
        defaults.add_bindings(&mut objects);
        let cluster = Cluster::of(&objects);
        let answer = |user, text| match cluster.answer(&request(user, text)) {
            Answer::Allowed { .. } => "allowed",
            Answer::Denied => "denied",
            Answer::Unknown(_) => "unknown",
            Answer::Privileged => "privileged",
        };
        assert_eq!(
            answer(0, "watch endpointslices.discovery.k8s.io"),
            "allowed"
        );
        assert_eq!(
            answer(0, "patch events.events.k8s.io in default"),
            "allowed"
        );
        assert_eq!(answer(0, "get secrets"), "denied");
        assert_eq!(answer(1, "watch services"), "denied");
        assert_eq!(answer(1, "get /openid/v1/jwks"), "allowed");
        answer(0, "watch servicecidrs.networking.k8s.io")
    };
    assert_eq!(rights(Some("1.26")), "denied");
    assert_eq!(rights(Some("1.27")), "allowed");
    assert_eq!(rights(None), "allowed");
}

#[test]
fn what_the_manifests_hold_stands_for_what_the_api_server_makes() {
    let mut objects = objects(
        &(role("ClusterRole", "system:node-proxier", "[]")
            + &bound(
                "ClusterRoleBinding",
                "system:node-proxier",
                "ClusterRole/system:node-proxier",
                "[]",
            )),
    );
    let defaults = Defaults::of(None).unwrap();
    defaults.add_roles(&mut objects);
    defaults.add_bindings(&mut objects);
    assert_eq!(
        Cluster::of(&objects).answer(&request(0, "list services")),
        Answer::Denied
    );
}
