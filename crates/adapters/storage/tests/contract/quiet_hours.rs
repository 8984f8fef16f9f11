use crate::support::*;
use doorward_domain::quiet_hours::DailySchedule;
use doorward_ports::StoreError;

contract! {
    async fn a_schedule_replaces_the_former_one_and_can_be_taken_back(db) {
        let (ann, bob) = (user("ann"), user("bob"));
        let ids = (ann.id, bob.id);
        db.write(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            repos.users().insert(&permit(), &bob)
        })
        .await;
        for text in [Some("CRON_TZ=Europe/Berlin 30 6 * * *"), Some("CRON_TZ=UTC 0 0 * * *"), None, None] {
            let schedule: Option<DailySchedule> = text.map(|text| text.parse().unwrap());
            let found = db
                .write(move |repos| {
                    repos.quiet_hours().update(&permit(), ids.0, schedule.as_ref())?;
                    Ok((repos.quiet_hours().find(ids.0)?, repos.quiet_hours().find(ids.1)?))
                })
                .await;
            assert_eq!((found.0.map(|schedule| schedule.to_string()).as_deref(), found.1), (text, None));
        }
    }

    async fn a_stored_schedule_that_is_none_is_named(db) {
        let ann = user("ann");
        let id = ann.id;
        db.write(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            repos.quiet_hours().update(&permit(), id, Some(&"0 0 * * *".parse().unwrap()))
        })
        .await;
        db.execute("UPDATE quiet_hours SET schedule = '@daily'");
        let told: StoreError = db.store.read(move |repos| repos.quiet_hours().find(id)).await.unwrap_err();
        let told = told.to_string();
        assert!(told.contains("`quiet_hours`") && told.contains("`schedule`") && told.contains(&id.to_string()), "{told}");
    }
}
