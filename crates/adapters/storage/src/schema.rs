//! The tables, as the migrations make them.

use diesel::{allow_tables_to_appear_in_same_query, table};

table! {
    use diesel::sql_types::{Bool, Nullable, Text};
    use crate::types::sql::{Instant, Json, Uuid};

    users (id) {
        id -> Uuid,
        email -> Text,
        email_key -> Text,
        username -> Text,
        username_key -> Text,
        name -> Text,
        avatar_url -> Text,
        password_hash -> Nullable<Text>,
        status -> Text,
        login_type -> Text,
        roles -> Json,
        created_at -> Instant,
        updated_at -> Instant,
        last_seen_at -> Nullable<Instant>,
        deleted -> Bool,
        is_system -> Bool,
        theme_preference -> Text,
        terminal_font -> Text,
    }
}

table! {
    use diesel::sql_types::{Bool, Text};
    use crate::types::sql::{Instant, Json, Uuid};

    organizations (id) {
        id -> Uuid,
        name -> Text,
        name_key -> Text,
        display_name -> Text,
        description -> Text,
        icon -> Text,
        created_at -> Instant,
        updated_at -> Instant,
        is_default -> Bool,
        deleted -> Bool,
        default_roles -> Json,
    }
}

table! {
    use crate::types::sql::{Instant, Json, Uuid};

    organization_members (organization_id, user_id) {
        organization_id -> Uuid,
        user_id -> Uuid,
        roles -> Json,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::types::sql::{Instant, Json, Uuid};

    custom_roles (id) {
        id -> Uuid,
        organization_id -> Nullable<Uuid>,
        name -> Text,
        display_name -> Text,
        site_permissions -> Json,
        organization_permissions -> Json,
        user_permissions -> Json,
        member_permissions -> Json,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{Integer, Text};
    use crate::types::sql::{Instant, Uuid};

    groups (id) {
        id -> Uuid,
        organization_id -> Uuid,
        name -> Text,
        name_key -> Text,
        display_name -> Text,
        avatar_url -> Text,
        quota_allowance -> Integer,
        source -> Text,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

table! {
    use crate::types::sql::Uuid;

    group_members (group_id, user_id) {
        group_id -> Uuid,
        user_id -> Uuid,
        organization_id -> Uuid,
    }
}

table! {
    use diesel::sql_types::{Bool, Integer, Nullable, Text};
    use crate::types::sql::{Instant, Json, Uuid};

    oauth2_apps (id) {
        id -> Uuid,
        name -> Text,
        icon -> Text,
        redirect_uris -> Json,
        redirect_match -> Text,
        client_type -> Text,
        require_pkce -> Bool,
        allowed_scopes -> Nullable<Json>,
        allowed_resources -> Nullable<Json>,
        resources -> Json,
        service_account_id -> Nullable<Uuid>,
        created_at -> Instant,
        updated_at -> Instant,
        revision -> Integer,
        device_flow -> Bool,
        refresh_tokens -> Bool,
        rules -> Nullable<Json>,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::types::sql::{Digest, Instant, Uuid};

    oauth2_app_secrets (id) {
        id -> Uuid,
        app_id -> Uuid,
        prefix -> Text,
        digest -> Digest,
        display_suffix -> Text,
        created_at -> Instant,
        last_used_at -> Nullable<Instant>,
    }
}

table! {
    use diesel::sql_types::{Integer, Nullable, Text};
    use crate::types::sql::{Digest, Instant, Uuid};

    oauth2_device_authorizations (id) {
        id -> Uuid,
        prefix -> Text,
        digest -> Digest,
        user_code -> Digest,
        app_id -> Uuid,
        resource -> Nullable<Text>,
        scopes -> Text,
        ip -> Text,
        user_agent -> Text,
        created_at -> Instant,
        expires_at -> Instant,
        interval_seconds -> Integer,
        polled_at -> Nullable<Instant>,
        decision -> Text,
        user_id -> Nullable<Uuid>,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::types::sql::{Digest, Instant, Uuid};

    oauth2_codes (id) {
        id -> Uuid,
        prefix -> Text,
        digest -> Digest,
        app_id -> Uuid,
        user_id -> Uuid,
        redirect_uri -> Nullable<Text>,
        challenge -> Nullable<Text>,
        resource -> Nullable<Text>,
        scopes -> Text,
        created_at -> Instant,
        expires_at -> Instant,
        redeemed_at -> Nullable<Instant>,
        grant_id -> Nullable<Uuid>,
        implied_redirect_uri -> Nullable<Text>,
        jkt -> Nullable<Text>,
    }
}

table! {
    use diesel::sql_types::{Bool, Nullable, Text};
    use crate::types::sql::{Digest, Instant, Json, Uuid};

    oauth2_registered_clients (app_id) {
        app_id -> Uuid,
        identity -> Nullable<Digest>,
        shared -> Bool,
        adopted -> Bool,
        metadata -> Text,
        created_from -> Text,
        created_at -> Instant,
        matched_at -> Instant,
        granted_at -> Nullable<Instant>,
        limits -> Json,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::types::sql::{Instant, Uuid};

    oauth2_client_documents (app_id) {
        app_id -> Uuid,
        url -> Text,
        body -> Text,
        etag -> Nullable<Text>,
        fetched_at -> Instant,
        fresh_until -> Instant,
        retry_at -> Nullable<Instant>,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::types::sql::{Digest, Instant, Uuid};

    oauth2_pushed_requests (digest) {
        digest -> Digest,
        app_id -> Uuid,
        parameters -> Text,
        expires_at -> Instant,
        browser -> Nullable<Digest>,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable, Text};
    use crate::types::sql::{Digest, Instant};

    client_key_sets (url_digest) {
        url_digest -> Digest,
        url -> Text,
        body -> Binary,
        fetched_at -> Instant,
        fresh_until -> Instant,
        again_at -> Nullable<Instant>,
    }
}

table! {
    use diesel::sql_types::{Integer, Nullable, Text};
    use crate::types::sql::{Digest, Instant, Json, Uuid};

    oauth2_registration_tokens (id) {
        id -> Uuid,
        name -> Text,
        prefix -> Text,
        digest -> Digest,
        created_by -> Nullable<Uuid>,
        created_at -> Instant,
        expires_at -> Instant,
        max_uses -> Nullable<Integer>,
        uses -> Integer,
        limits -> Json,
    }
}

table! {
    use crate::types::sql::{Digest, Instant, Uuid};

    oauth2_registrations (digest) {
        digest -> Digest,
        app_id -> Uuid,
        created_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{Binary, Bool, Integer, Nullable, Text};
    use crate::types::sql::{Digest, Instant, Uuid};

    oauth2_grants (id) {
        id -> Uuid,
        app_id -> Uuid,
        user_id -> Uuid,
        app_secret_id -> Nullable<Uuid>,
        audience -> Nullable<Text>,
        scopes -> Text,
        access_key_id -> Text,
        access_expires_at -> Instant,
        refresh_prefix -> Text,
        refresh_digest -> Digest,
        refresh_expires_at -> Instant,
        exchanged -> Binary,
        generation -> Integer,
        created_at -> Instant,
        purge_on -> Integer,
        app_revision -> Integer,
        is_device -> Bool,
        by_key -> Bool,
        jkt -> Nullable<Text>,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::types::sql::Uuid;

    openid_sessions (key_id) {
        key_id -> Text,
        sid -> Uuid,
    }
}

table! {
    use crate::types::sql::{Json, Uuid};

    openid_codes (code_id) {
        code_id -> Uuid,
        identity -> Json,
    }
}

table! {
    use crate::types::sql::{Json, Uuid};

    openid_devices (device_id) {
        device_id -> Uuid,
        identity -> Json,
    }
}

table! {
    use crate::types::sql::{Json, Uuid};

    openid_grants (grant_id) {
        grant_id -> Uuid,
        sid -> Uuid,
        identity -> Json,
    }
}

table! {
    use crate::types::sql::{Json, Uuid};

    openid_apps (app_id) {
        app_id -> Uuid,
        rules -> Json,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::types::sql::{Instant, Json, Uuid};

    resource_servers (id) {
        id -> Uuid,
        identifier -> Text,
        normal_form -> Text,
        rules -> Json,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::types::sql::Uuid;

    verified_emails (user_id) {
        user_id -> Uuid,
        email -> Text,
    }
}

table! {
    use diesel::sql_types::{Binary, Text};
    use crate::types::sql::Uuid;

    app_logos (app_id) {
        app_id -> Uuid,
        kind -> Text,
        bytes -> Binary,
    }
}

table! {
    use diesel::sql_types::{BigInt, Integer, Nullable, Text};
    use crate::types::sql::{Instant, Uuid};

    openid_logouts (id) {
        id -> BigInt,
        app_id -> Uuid,
        user_id -> Uuid,
        sid -> Uuid,
        attempts -> Integer,
        next_attempt_at -> Instant,
        last_error -> Nullable<Text>,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::types::sql::{Digest, Instant, Uuid};

    oauth2_consents (user_id, app_id, resource) {
        user_id -> Uuid,
        app_id -> Uuid,
        resource -> Text,
        scopes -> Text,
        fingerprint -> Digest,
        created_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    use crate::types::sql::{Digest, Instant, Json, Uuid};

    api_keys (id) {
        id -> Text,
        user_id -> Uuid,
        secret_digest -> Digest,
        login_type -> Text,
        scopes -> Text,
        token_name -> Text,
        ip -> Text,
        created_at -> Instant,
        updated_at -> Instant,
        last_used -> Nullable<Instant>,
        expires_at -> Instant,
        lifetime_seconds -> BigInt,
        app_id -> Nullable<Uuid>,
        grant_id -> Nullable<Uuid>,
        app_secret_id -> Nullable<Uuid>,
        audience -> Nullable<Text>,
        slides_until -> Nullable<Instant>,
        purge_at -> Nullable<Instant>,
        allow_list -> Nullable<Json>,
        unused -> Bool,
        began_at -> Nullable<Instant>,
        device -> Nullable<Text>,
        jkt -> Nullable<Text>,
    }
}

table! {
    use diesel::sql_types::{Bool, Nullable, Text};
    use crate::types::sql::{Instant, Json, Uuid};

    templates (id) {
        id -> Uuid,
        organization_id -> Uuid,
        name -> Text,
        name_key -> Text,
        display_name -> Text,
        description -> Text,
        icon -> Text,
        active_version_id -> Nullable<Uuid>,
        created_by -> Uuid,
        created_at -> Instant,
        updated_at -> Instant,
        deleted -> Bool,
        user_acl -> Json,
        group_acl -> Json,
        deprecation_message -> Text,
        settings -> Json,
    }
}

table! {
    use diesel::sql_types::{Bool, Nullable, Text};
    use crate::types::sql::{Instant, Uuid};

    workspaces (id) {
        id -> Uuid,
        owner_id -> Uuid,
        organization_id -> Uuid,
        template_id -> Uuid,
        name -> Text,
        name_key -> Text,
        created_at -> Instant,
        updated_at -> Instant,
        last_used_at -> Instant,
        dormant_at -> Nullable<Instant>,
        deleted -> Bool,
    }
}

table! {
    use diesel::sql_types::{Integer, Nullable, Text};
    use crate::types::sql::{Instant, Uuid};

    workspace_builds (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        build_number -> Integer,
        transition -> Text,
        outcome -> Text,
        error -> Text,
        daily_cost -> Integer,
        template_version_id -> Nullable<Uuid>,
        initiator_id -> Uuid,
        created_at -> Instant,
        job_id -> Nullable<Uuid>,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable};
    use crate::types::sql::{Json, Uuid};

    workspace_build_inputs (build_id) {
        build_id -> Uuid,
        parameters -> Json,
        state -> Nullable<Binary>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable};
    use crate::types::sql::{Digest, Instant, Uuid};

    files (id) {
        id -> Uuid,
        created_by -> Uuid,
        created_at -> Instant,
        digest -> Nullable<Digest>,
        size -> BigInt,
        expires_at -> Nullable<Instant>,
    }
}

table! {
    use diesel::sql_types::{Binary, Integer};
    use crate::types::sql::Uuid;

    file_pieces (file_id, position) {
        file_id -> Uuid,
        position -> Integer,
        data -> Binary,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
    use crate::types::sql::{Instant, Json, Uuid};

    provisioner_jobs (id) {
        id -> Uuid,
        organization_id -> Uuid,
        created_at -> Instant,
        updated_at -> Instant,
        started_at -> Nullable<Instant>,
        completed_at -> Nullable<Instant>,
        canceled_at -> Nullable<Instant>,
        worker_id -> Nullable<Uuid>,
        initiator_id -> Uuid,
        provisioner -> Text,
        kind -> Text,
        file_id -> Uuid,
        tags -> Json,
        is_plain -> Bool,
        template_version_id -> Uuid,
        workspace_build_id -> Nullable<Uuid>,
        error -> Text,
        error_code -> Text,
        log_size -> BigInt,
        input -> Binary,
        expires_at -> Nullable<Instant>,
        timings -> Nullable<Json>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::types::sql::{Instant, Uuid};

    provisioner_job_logs (id) {
        id -> BigInt,
        job_id -> Uuid,
        created_at -> Instant,
        source -> Text,
        level -> Text,
        stage -> Text,
        output -> Text,
        expires_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{Integer, Text};
    use crate::types::sql::{Instant, Json, Uuid};

    provisioner_job_resources (id) {
        id -> Uuid,
        job_id -> Uuid,
        position -> Integer,
        created_at -> Instant,
        transition -> Text,
        resource -> Json,
    }
}

table! {
    use diesel::sql_types::{Binary, Bool, Nullable, Text};
    use crate::types::sql::{Instant, Json, Uuid};

    template_versions (id) {
        id -> Uuid,
        template_id -> Nullable<Uuid>,
        organization_id -> Uuid,
        name -> Text,
        name_key -> Text,
        message -> Text,
        readme -> Text,
        created_by -> Uuid,
        created_at -> Instant,
        updated_at -> Instant,
        archived -> Bool,
        job_id -> Uuid,
        file_id -> Uuid,
        workspace_tags -> Json,
        parameters -> Json,
        presets -> Json,
        external_auth -> Json,
        has_ai_tasks -> Bool,
        variables -> Nullable<Binary>,
    }
}

table! {
    use diesel::sql_types::{Integer, Nullable, Text};
    use crate::types::sql::{Instant, Json, Uuid};

    audit_logs (id) {
        id -> Uuid,
        time -> Instant,
        user_id -> Nullable<Uuid>,
        organization_id -> Nullable<Uuid>,
        ip -> Text,
        user_agent -> Text,
        resource_type -> Text,
        resource_id -> Text,
        resource_target -> Text,
        action -> Text,
        diff -> Json,
        status_code -> Integer,
        additional_fields -> Json,
        request_id -> Nullable<Uuid>,
        target_key -> Text,
    }
}

table! {
    use diesel::sql_types::{Integer, Text};
    use crate::types::sql::Instant;

    signin_throttles (key) {
        key -> Text,
        failures -> Integer,
        last_failure -> Instant,
        forget_at -> Instant,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::types::sql::{Instant, Uuid};

    signin_places (user_id, place) {
        user_id -> Uuid,
        place -> Text,
        last_success -> Instant,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::types::sql::Uuid;

    runtime_settings (name, organization_id) {
        name -> Text,
        organization_id -> Uuid,
        document -> Text,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::types::sql::{Instant, Uuid};

    sync_log (id) {
        id -> Uuid,
        user_id -> Uuid,
        time -> Instant,
        provider -> Text,
        outcome -> Text,
        document -> Text,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::types::sql::Uuid;

    quiet_hours (user_id) {
        user_id -> Uuid,
        schedule -> Text,
    }
}

table! {
    use diesel::sql_types::{Bool, Text};
    use crate::types::sql::{Instant, Json, Uuid};

    user_links (issuer, subject) {
        issuer -> Text,
        subject -> Text,
        user_id -> Uuid,
        login_type -> Text,
        provider -> Text,
        email_verified -> Bool,
        claims -> Json,
        created_at -> Instant,
        updated_at -> Instant,
        is_main -> Bool,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable, Text};
    use crate::types::sql::{Instant, Json};

    federated_sessions (key_id) {
        key_id -> Text,
        provider -> Text,
        issuer -> Text,
        subject -> Text,
        upstream_sid -> Nullable<Text>,
        auth_time -> Instant,
        amr -> Json,
        acr -> Text,
        id_token -> Nullable<Binary>,
    }
}

table! {
    use crate::types::sql::{Digest, Instant};

    seen_tokens (key) {
        key -> Digest,
        expires_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable, Text};
    use crate::types::sql::Instant;

    crypto_keys (purpose, id) {
        purpose -> Text,
        id -> Text,
        algorithm -> Text,
        secret -> Binary,
        starts_at -> Instant,
        ends_at -> Nullable<Instant>,
    }
}

table! {
    use diesel::sql_types::{Integer, Text};
    use crate::types::sql::{Digest, Instant, Uuid};

    licenses (id) {
        id -> Integer,
        uuid -> Uuid,
        uploaded_at -> Instant,
        ends_at -> Instant,
        token -> Text,
        digest -> Digest,
    }
}

table! {
    use diesel::sql_types::{Binary, Text};
    use crate::types::sql::Instant;

    server_keys (name) {
        name -> Text,
        value -> Binary,
        created_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::types::sql::{Instant, Uuid};

    jobs (name) {
        name -> Text,
        next_run_at -> Instant,
        lease_until -> Nullable<Instant>,
        holder -> Nullable<Uuid>,
        last_started_at -> Nullable<Instant>,
        last_finished_at -> Nullable<Instant>,
        last_error -> Nullable<Text>,
        runs -> BigInt,
    }
}

table! {
    use diesel::sql_types::{BigInt, Integer, Nullable, Text};
    use crate::types::sql::Instant;

    outbox (id) {
        id -> BigInt,
        topic -> Text,
        payload -> Text,
        created_at -> Instant,
        attempts -> Integer,
        next_attempt_at -> Nullable<Instant>,
        last_error -> Nullable<Text>,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::types::sql::{Instant, Json, Uuid};

    scim_users (directory, user_id) {
        directory -> Uuid,
        user_id -> Uuid,
        external_id -> Nullable<Text>,
        user_name -> Text,
        user_name_key -> Text,
        attributes -> Json,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::types::sql::Uuid;

    scim_emails (directory, email_key, user_id) {
        directory -> Uuid,
        email_key -> Text,
        user_id -> Uuid,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::types::sql::{Instant, Uuid};

    scim_groups (directory, group_id) {
        directory -> Uuid,
        group_id -> Uuid,
        external_id -> Nullable<Text>,
        display_name -> Text,
        display_name_key -> Text,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::types::sql::{Digest, Instant, Uuid};

    scim_tokens (id) {
        id -> Uuid,
        organization_id -> Uuid,
        name -> Text,
        prefix -> Text,
        digest -> Digest,
        created_by -> Nullable<Uuid>,
        created_at -> Instant,
        expires_at -> Nullable<Instant>,
        last_used_at -> Nullable<Instant>,
        lifetime_seconds -> Nullable<BigInt>,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::types::sql::{Digest, Instant, Json, Uuid};

    provisioner_keys (id) {
        id -> Uuid,
        created_at -> Instant,
        organization_id -> Uuid,
        name -> Text,
        digest -> Digest,
        tags -> Json,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::types::sql::{Instant, Json, Uuid};

    provisioner_daemons (id) {
        id -> Uuid,
        organization_id -> Uuid,
        key_id -> Uuid,
        name -> Text,
        owner -> Text,
        created_at -> Instant,
        last_seen_at -> Instant,
        version -> Text,
        api_version -> Text,
        provisioners -> Text,
        tags -> Json,
    }
}

table! {
    use diesel::sql_types::{BigInt, Integer, Nullable, Text};
    use crate::types::sql::{Instant, Uuid};

    replicas (id) {
        id -> Uuid,
        proxy_id -> Uuid,
        created_at -> Instant,
        started_at -> Instant,
        stopped_at -> Nullable<Instant>,
        updated_at -> Instant,
        hostname -> Text,
        region_id -> Integer,
        relay_address -> Text,
        version -> Text,
        error -> Text,
        database_latency -> BigInt,
    }
}

table! {
    use diesel::sql_types::{Bool, Integer, Text};
    use crate::types::sql::{Digest, Instant, Uuid};

    workspace_proxies (id) {
        id -> Uuid,
        name -> Text,
        name_key -> Text,
        display_name -> Text,
        icon -> Text,
        url -> Text,
        wildcard_hostname -> Text,
        derp_enabled -> Bool,
        derp_only -> Bool,
        version -> Text,
        region_number -> Integer,
        digest -> Digest,
        created_at -> Instant,
        updated_at -> Instant,
        deleted -> Bool,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::types::sql::Uuid;

    notification_methods (template_id) {
        template_id -> Uuid,
        method -> Text,
    }
}

table! {
    use diesel::sql_types::Bool;
    use crate::types::sql::{Instant, Uuid};

    notification_preferences (user_id, template_id) {
        user_id -> Uuid,
        template_id -> Uuid,
        disabled -> Bool,
        updated_at -> Instant,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::types::sql::Uuid;

    notification_notices (id) {
        id -> Uuid,
        notice -> Text,
    }
}

table! {
    use diesel::sql_types::{Bool, Integer, Nullable, Text};
    use crate::types::sql::{Instant, Uuid};

    notification_deliveries (id) {
        id -> Uuid,
        template_id -> Uuid,
        user_id -> Uuid,
        method -> Text,
        matter -> Text,
        created_at -> Instant,
        expires_at -> Nullable<Instant>,
        attempts -> Integer,
        next_attempt_at -> Instant,
        claimed -> Bool,
        handed_over -> Bool,
        dead_at -> Nullable<Instant>,
        last_error -> Nullable<Text>,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::types::sql::{Instant, Json, Uuid};

    inbox_notifications (id) {
        id -> Uuid,
        user_id -> Uuid,
        template_id -> Uuid,
        targets -> Json,
        title -> Text,
        content -> Text,
        actions -> Json,
        read_at -> Nullable<Instant>,
        created_at -> Instant,
    }
}

table! {
    use crate::types::sql::{Digest, Instant, Uuid};

    one_time_passcodes (user_id) {
        user_id -> Uuid,
        digest -> Digest,
        created_at -> Instant,
        expires_at -> Instant,
    }
}

table! {
    use crate::types::sql::{Digest, Instant, Uuid};

    known_devices (user_id, digest) {
        user_id -> Uuid,
        digest -> Digest,
        last_used_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Integer, Nullable};
    use crate::types::sql::{Instant, Uuid};

    totp_factors (user_id) {
        user_id -> Uuid,
        secret -> Nullable<Binary>,
        confirmed_at -> Nullable<Instant>,
        last_step -> BigInt,
        pending -> Nullable<Binary>,
        pending_until -> Nullable<Instant>,
        failures -> Integer,
        failures_since -> Nullable<Instant>,
        locked_at -> Nullable<Instant>,
    }
}

table! {
    use crate::types::sql::{Digest, Uuid};

    recovery_codes (user_id, digest) {
        user_id -> Uuid,
        digest -> Digest,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::types::sql::{Instant, Json};

    session_proofs (key_id) {
        key_id -> Text,
        auth_time -> Instant,
        factor_at -> Nullable<Instant>,
        amr -> Json,
        acr -> Text,
    }
}

allow_tables_to_appear_in_same_query!(
    users,
    provisioner_keys,
    scim_tokens,
    scim_users,
    scim_groups,
    organizations,
    organization_members,
    custom_roles,
    groups,
    group_members,
    oauth2_apps,
    oauth2_app_secrets,
    oauth2_codes,
    oauth2_device_authorizations,
    oauth2_grants,
    oauth2_client_documents,
    oauth2_registered_clients,
    oauth2_registrations,
    oauth2_consents,
    openid_apps,
    openid_grants,
    openid_sessions,
    api_keys,
    federated_sessions,
    session_proofs,
    templates,
    workspaces,
    workspace_builds,
    workspace_build_inputs,
    files,
    file_pieces,
    provisioner_daemons,
    provisioner_jobs,
    provisioner_job_logs,
    provisioner_job_resources,
    template_versions,
    user_links,
);
