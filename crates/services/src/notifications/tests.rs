use super::*;
use crate::Context;
use crate::jobs::Job;
use crate::notices::{Told, WAKES_ON};
use crate::settings::Settings;
use crate::users::testing::{
    ANN, BOB, NOW, actor, ann, as_user, bob, context, context_with, expect_audit, owner, repos_of, settings,
};
use crate::{Error, Principal};
use doorward_domain::ids::{DeliveryId, NoticeId, UserId};
use doorward_domain::notifications::{
    Audience, Delivery, InboxNotification, Matter, Method, Notice, NotifierSettings, ids,
};
use doorward_domain::users::User;
use doorward_ports::bus::Heard;
use doorward_ports::mail::MailError;
use doorward_ports::mocks::{KeepingMailer, MockRepositories, Trouble};
use std::sync::{Arc, Mutex};
use time::Duration;
use uuid::Uuid;

fn with_inbox() -> Settings {
    let mut settings = settings();
    settings.notifications.inbox_enabled = true;
    settings
}

fn with_mail(repos: MockRepositories, settings: Settings) -> (Context, KeepingMailer) {
    let mailer = KeepingMailer::default();
    let outlets = Outlets::with_mailer(Some(Arc::new(mailer.clone())));
    (Context { outlets, ..context_with(repos, settings) }, mailer)
}

fn test_to(user: UserId) -> Told {
    Told::new(ids::TEST, Audience::User(user), Matter::default())
}

async fn tell_twice(ctx: &Context) {
    ctx.act(&Principal::system("a test"), |deed| {
        deed.notify(test_to(ANN));
        deed.notify(test_to(BOB));
        Ok::<_, Error>(deed.unrecorded("a test", ()))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn what_is_told_is_written_at_once_and_wakes_the_job() {
    let mut repos = MockRepositories::default();
    repos.notifications.expect_enqueue().times(1).returning(|_, notices| {
        assert_eq!(
            notices.iter().map(|notice| notice.audience).collect::<Vec<_>>(),
            [Audience::User(ANN), Audience::User(BOB)]
        );
        assert!(notices.iter().all(|notice| notice.created_at == NOW));
        Ok(())
    });
    let ctx = context_with(repos, with_inbox());
    let mut woken = ctx.bus.subscribe(WAKES_ON);
    tell_twice(&ctx).await;
    assert_eq!(woken.next().await, Heard::Event(String::new()));
    assert_eq!(Notifier.wakes_on(), Some(WAKES_ON));
}

#[tokio::test]
async fn nothing_is_written_where_nothing_could_reach_anybody() {
    // A call of a repository would panic.
    tell_twice(&context(MockRepositories::default())).await;
}

fn notice(audience: Audience) -> Notice {
    Notice {
        id: NoticeId(Uuid::from_u128(1)),
        template_id: ids::USER_CREATED,
        audience,
        matter: Matter::default().label("created_account_name", "carl").label("initiator", "olivia"),
        created_at: NOW,
        expires_at: None,
    }
}

/// What came of these notices: who got what.
async fn spread_out(
    notices: Vec<Notice>,
    settings: Settings,
    prepare: impl FnOnce(&mut MockRepositories),
) -> (Vec<InboxNotification>, Vec<Delivery>) {
    let (inbox, deliveries) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let mut repos = MockRepositories::default();
    repos.runtime_settings.expect_find().returning(|_, _| Ok(None));
    let mut waiting = Some(notices);
    repos.notifications.expect_take().returning(move |_, _| Ok(waiting.take().unwrap_or_default()));
    repos.notifications.expect_due_in().returning(|| Ok(None));
    repos.users.expect_find().returning(|id| Ok([ann(), bob()].into_iter().find(|user| user.id == id)));
    prepare(&mut repos);
    let kept = Arc::clone(&inbox);
    repos.inbox.expect_insert().returning(move |_, all| {
        kept.lock().unwrap().extend_from_slice(all);
        Ok(())
    });
    let kept = Arc::clone(&deliveries);
    repos.notifications.expect_insert_deliveries().returning(move |_, all| {
        kept.lock().unwrap().extend_from_slice(all);
        Ok(())
    });
    let (ctx, _) = with_mail(repos, settings);
    deliver_all(&ctx).await.unwrap();
    let (inbox, deliveries) = (inbox.lock().unwrap(), deliveries.lock().unwrap());
    (inbox.clone(), deliveries.clone())
}

#[tokio::test]
async fn those_who_look_after_accounts_are_told_in_their_inbox_and_by_mail_unless_they_refuse() {
    let (inbox, deliveries) = spread_out(vec![notice(Audience::UserAdmins)], with_inbox(), |repos| {
        repos.notifications.expect_list_methods().returning(|| Ok(Vec::new()));
        let robot = User { email: None, ..bob() };
        repos.notifications.expect_list_user_admins().times(1).returning(move || Ok(vec![ann(), bob(), robot.clone()]));
        repos
            .notifications
            .expect_list_refusals()
            .withf(|_, users| users == [ANN, BOB])
            .returning(|_, _| Ok(vec![(BOB, true)]));
    })
    .await;
    assert_eq!(inbox.len(), 1);
    assert_eq!((inbox[0].user_id, inbox[0].title.as_str()), (ANN, "User account 'carl' has been created"));
    assert_eq!(inbox[0].content, "The user account carl has been created by olivia.");
    assert_eq!(deliveries.iter().map(|one| (one.user_id, one.method)).collect::<Vec<_>>(), [(ANN, Method::Smtp)]);
}

#[tokio::test]
async fn the_way_of_a_template_is_the_one_that_was_chosen_if_it_is_set_up() {
    for (chosen, by_mail) in [(Method::Smtp, 1), (Method::Webhook, 0), (Method::Inbox, 0)] {
        let (inbox, deliveries) = spread_out(vec![notice(Audience::User(ANN))], with_inbox(), |repos| {
            repos.notifications.expect_list_methods().returning(move || Ok(vec![(ids::USER_CREATED, chosen)]));
            repos.notifications.expect_list_refusals().returning(|_, _| Ok(Vec::new()));
        })
        .await;
        assert_eq!((inbox.len(), deliveries.len()), (1, by_mail), "{chosen}");
    }
}

#[tokio::test]
async fn a_passcode_never_stands_in_an_inbox_and_what_is_too_old_is_not_told() {
    let passcode = Notice { template_id: ids::ONE_TIME_PASSCODE, ..notice(Audience::User(ANN)) };
    let old = Notice { expires_at: Some(NOW), ..passcode.clone() };
    let (inbox, deliveries) = spread_out(vec![passcode, old], with_inbox(), |repos| {
        repos.notifications.expect_list_methods().returning(|| Ok(Vec::new()));
        repos.notifications.expect_list_refusals().returning(|_, _| Ok(vec![(ANN, true)]));
    })
    .await;
    assert_eq!((inbox.len(), deliveries.len()), (0, 1));
}

fn due(attempts: u32) -> Delivery {
    Delivery {
        id: DeliveryId(Uuid::from_u128(7)),
        template_id: ids::TEST,
        user_id: ANN,
        method: Method::Smtp,
        matter: Matter::default(),
        created_at: NOW,
        expires_at: None,
        attempts,
    }
}

/// The mocks of a queue with one delivery that is due; the test says how it ends.
fn queue_of(delivery: Delivery) -> MockRepositories {
    let mut repos = MockRepositories::default();
    repos.runtime_settings.expect_find().returning(|_, _| Ok(None));
    repos.notifications.expect_take().returning(|_, _| Ok(Vec::new()));
    let mut dues = [Some(Duration::ZERO), None].into_iter();
    repos.notifications.expect_due_in().returning(move || Ok(dues.next().flatten()));
    let mut waiting = vec![delivery];
    repos.notifications.expect_claim().returning(move |_, _, _| Ok(std::mem::take(&mut waiting)));
    repos.users.expect_list_by_id().returning(|_| Ok(vec![ann()]));
    repos
}

#[tokio::test]
async fn a_mail_is_sent_after_it_was_written_down_that_it_is() {
    let mut repos = queue_of(due(1));
    repos.notifications.expect_hand_over().times(1).returning(|_, _, attempt| Ok(attempt == 1));
    repos.notifications.expect_finish().times(1).returning(|_, _, _| Ok(true));
    let (ctx, mailer) = with_mail(repos, settings());
    deliver_all(&ctx).await.unwrap();
    let sent = mailer.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].message_id, "00000000-0000-0000-0000-000000000007@door.example");
    assert_eq!((sent[0].to.as_str(), sent[0].subject.as_str()), ("ann@example.com", "A test notification"));
    assert!(sent[0].text.contains("This is a test notification.") && sent[0].html.contains("<p>This is a test"));
}

#[tokio::test]
async fn a_mail_whose_attempt_is_over_is_not_sent() {
    let mut repos = queue_of(due(1));
    repos.notifications.expect_hand_over().times(1).returning(|_, _, _| Ok(false));
    let (ctx, mailer) = with_mail(repos, settings());
    deliver_all(&ctx).await.unwrap();
    assert!(mailer.sent().is_empty());
}

#[tokio::test]
async fn what_fails_is_tried_again_later_or_given_up() {
    let later = || MailError::Later("away".to_owned());
    let never = || MailError::Never("no such user".to_owned());
    let unknown = || MailError::Unknown("silence".to_owned());
    for (trouble, attempt, resend, dead) in [
        (Trouble::Preparing(later()), 3, false, false),
        (Trouble::Preparing(later()), 15, false, true),
        (Trouble::Preparing(never()), 1, false, true),
        (Trouble::Sending(later()), 1, false, false),
        (Trouble::Sending(never()), 1, false, true),
        (Trouble::Sending(unknown()), 1, false, true),
        (Trouble::Sending(unknown()), 1, true, false),
    ] {
        let mut repos = queue_of(due(attempt));
        repos.notifications.expect_hand_over().returning(|_, _, _| Ok(true));
        if dead {
            repos.notifications.expect_bury().times(1).returning(|_, _, _, _| Ok(true));
        } else {
            let pause = Duration::seconds(15) * 2_i32.pow(attempt - 1);
            repos
                .notifications
                .expect_postpone()
                .withf(move |_, _, _, after, _| *after == pause)
                .times(1)
                .returning(|_, _, _, _, _| Ok(true));
        }
        let mut settings = settings();
        settings.notifications.resend_unknown = resend;
        let (ctx, mailer) = with_mail(repos, settings);
        mailer.trouble([trouble.clone()]);
        deliver_all(&ctx).await.unwrap();
        assert!(mailer.sent().is_empty(), "{trouble:?}");
    }
}

#[tokio::test]
async fn nothing_is_done_while_notifications_are_paused() {
    let mut repos = MockRepositories::default();
    repos.runtime_settings.expect_find().returning(|_, _| Ok(Some(r#"{"notifier_paused":true}"#.to_owned())));
    let (ctx, _) = with_mail(repos, settings());
    deliver_all(&ctx).await.unwrap();
}

#[tokio::test]
async fn only_owners_pause_and_what_holds_already_is_no_change() {
    let paused = NotifierSettings { notifier_paused: true };
    let stored = |document: Option<&'static str>| {
        let mut repos = MockRepositories::default();
        repos.runtime_settings.expect_find().returning(move |_, _| Ok(document.map(str::to_owned)));
        repos.runtime_settings.expect_find_for_update().returning(move |_, _| Ok(document.map(str::to_owned)));
        repos
    };
    let same = stored(Some(r#"{"notifier_paused":true}"#));
    assert_eq!(update_settings(&context(same), &actor().build(), paused).await.unwrap(), Changed::No);
    let refused = update_settings(&context(stored(None)), &actor().build(), paused).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    // Nobody has said anything yet, so this is a change.
    let mut first = stored(None);
    first.runtime_settings.expect_update().times(1).returning(|_| Ok(()));
    expect_audit(&mut first, "write", 200);
    let not_paused = NotifierSettings::default();
    assert_eq!(update_settings(&context(first), &owner().build(), not_paused).await.unwrap(), Changed::Yes);
}

#[tokio::test]
async fn a_way_is_chosen_by_owners_and_is_a_word_that_is_known() {
    let ctx = context(MockRepositories::default());
    assert!(matches!(update_method(&ctx, &actor().build(), ids::TEST, "smtp").await, Err(Error::NotFound)));
    let unknown = doorward_domain::ids::NotificationTemplateId::NIL;
    assert!(matches!(update_method(&ctx, &owner().build(), unknown, "smtp").await, Err(Error::NotFound)));
    match update_method(&ctx, &owner().build(), ids::TEST, "pigeon").await {
        Err(Error::Invalid { fields, .. }) => {
            assert_eq!(
                fields[0].detail,
                r#""pigeon" is not a valid method; smtp, webhook, inbox are the available options"#
            );
        }
        other => panic!("{other:?}"),
    }
    for (is_new, changed) in [(true, Changed::Yes), (false, Changed::No)] {
        let mut repos = MockRepositories::default();
        repos.notifications.expect_list_methods().returning(|| Ok(Vec::new()));
        repos.notifications.expect_update_method().returning(move |_, _, _| Ok(is_new));
        if is_new {
            expect_audit(&mut repos, "write", 200);
        }
        assert_eq!(update_method(&context(repos), &owner().build(), ids::TEST, "inbox").await.unwrap(), changed);
    }
}

#[tokio::test]
async fn words_of_ones_own_are_neither_empty_nor_long_and_go_to_oneself() {
    let long = "x".repeat(2001);
    for (title, message, wrong) in [
        ("", "m", vec!["content.title"]),
        (" ", "", vec!["content.title", "content.message"]),
        ("t", long.as_str(), vec!["content.message"]),
        (&long[..121], "m", vec!["content.title"]),
    ] {
        let told = CustomMessage { title: title.to_owned(), message: message.to_owned() };
        match send_custom(&context(MockRepositories::default()), &actor().build(), told).await {
            Err(Error::Invalid { fields, .. }) => {
                assert_eq!(fields.iter().map(|field| field.field.as_ref()).collect::<Vec<_>>(), wrong);
            }
            other => panic!("{other:?}"),
        }
    }
    let told = || CustomMessage { title: "t".to_owned(), message: "m".to_owned() };
    let robot = as_user(User { email: None, ..bob() }).build();
    let refused = send_custom(&context(MockRepositories::default()), &robot, told()).await;
    assert!(matches!(refused, Err(Error::Refused(_))));
    let nowhere = send_custom(&context(MockRepositories::default()), &actor().build(), told()).await;
    assert!(matches!(nowhere, Err(Error::Invalid { fields, .. }) if fields.is_empty()));
    let mut repos = MockRepositories::default();
    repos.notifications.expect_enqueue().times(1).returning(|_, notices| {
        assert_eq!((notices[0].template_id, notices[0].audience), (ids::CUSTOM, Audience::User(ANN)));
        Ok(())
    });
    send_custom(&context_with(repos, with_inbox()), &actor().build(), told()).await.unwrap();
}

#[tokio::test]
async fn a_test_is_for_owners() {
    let refused = send_test(&context(MockRepositories::default()), &actor().build()).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn wishes_are_about_templates_that_there_are() {
    let me = actor().build();
    let unknown = vec![(doorward_domain::ids::NotificationTemplateId::NIL, true)];
    let refused = update_preferences(&context(repos_of(&me, &[ann()])), &me, &crate::users::UserRef::Me, unknown).await;
    assert!(matches!(refused, Err(Error::Invalid { fields, .. }) if fields[0].field == "template_disabled_map"));
}
