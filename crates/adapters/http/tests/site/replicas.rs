use crate::house::house;
use doorward_domain::ids::ReplicaId;
use doorward_domain::replicas::Heartbeat;
use doorward_domain::roles::System;
use doorward_ports::StoreError;
use time::Duration;
use uuid::Uuid;

#[actix_web::test]
async fn owners_see_the_servers_and_everybody_else_nothing() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    assert_eq!(house.get("/replicas", &owner).await.expect(200).body, "[]\n");
    let beat = |id: ReplicaId, relay_address: &str| Heartbeat {
        id,
        proxy_id: None,
        hostname: "door".to_owned(),
        region_id: 999,
        relay_address: relay_address.to_owned(),
        version: "v1".to_owned(),
        error: String::new(),
        database_latency: Duration::microseconds(1234),
    };
    // This one was there first, and comes last.
    let (own, other) = (house.context.server.replica_id, ReplicaId(Uuid::from_u128(2)));
    let beats = [beat(own, ""), beat(other, "http://10.0.0.2:3000")];
    house
        .store
        .write(move |repos| {
            let permit = System::because("a test").permit();
            beats.iter().try_for_each(|beat| repos.replicas().beat(&permit, beat).map(drop))
        })
        .await
        .map_err(|error: StoreError| error.to_string())
        .unwrap();
    let listed = house.get("/replicas", &owner).await.expect(200).json();
    assert_eq!((listed.as_array().unwrap().len(), &listed[1]["id"]), (2, &own.to_string().into()));
    let one = listed[0].as_object().unwrap();
    let members = ["created_at", "database_latency", "error", "hostname", "id", "region_id", "relay_address"];
    let mut named: Vec<_> = one.keys().map(String::as_str).collect();
    named.sort_unstable();
    assert_eq!(named, members);
    assert_eq!((&one["database_latency"], &one["relay_address"]), (&1234.into(), &"http://10.0.0.2:3000".into()));
    house.get("/replicas", &bob).await.expect(404);
    house.get("/replicas", "").await.expect(401);
    let asked = actix_web::test::TestRequest::get().uri("/derp/latency-check");
    assert_eq!(house.send(asked).await.expect(200).body, "OK");
}
