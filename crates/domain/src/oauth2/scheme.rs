//! Schemes that no redirect URI has.
//!
//! An app on a device is reached by a scheme of its own (RFC 8252 7.1). That should be a domain name backwards, but the
//! schemes of editors and of many apps have no dot (`vscode:`, `cursor:`), so no rule tells them from others. What follows
//! are the others: nobody waits there for an answer, or what takes it would run it, write it down or show it to others.

/// Whatever runs text, shows it as a page, or wraps another address.
const RUNS_OR_WRAPS: &[&str] = &[
    "about",
    "blob",
    "cid",
    "data",
    "feed",
    "filesystem",
    "jar",
    "javascript",
    "livescript",
    "mhtml",
    "mid",
    "mocha",
    "pcast",
    "podcast",
    "urn",
    "vbs",
    "vbscript",
    "view-source",
    "view-cache",
    "wyciwyg",
];

/// Pages of browsers themselves, and of extensions, which have addresses with https for this.
const OF_BROWSERS: &[&str] = &[
    "brave",
    "chrome",
    "chrome-devtools",
    "chrome-distiller",
    "chrome-error",
    "chrome-extension",
    "chrome-native",
    "chrome-search",
    "chrome-untrusted",
    "devtools",
    "edge",
    "extension",
    "externalfile",
    "firefox",
    "firefox-private",
    "googlechrome",
    "googlechromes",
    "isolated-app",
    "moz-extension",
    "moz-icon",
    "moz-safe-about",
    "moz-src",
    "opera",
    "page-icon",
    "resource",
    "safari",
    "safari-extension",
    "safari-web-extension",
    "vivaldi",
];

/// Files, and protocols of servers that know nothing of authorization responses.
const OF_OTHER_SERVERS: &[&str] = &[
    "acap",
    "acct",
    "afp",
    "afs",
    "aim",
    "bitcoin",
    "cvs",
    "dav",
    "davs",
    "dict",
    "dns",
    "ed2k",
    "ethereum",
    "file",
    "finger",
    "ftp",
    "ftps",
    "git",
    "gopher",
    "gophers",
    "icap",
    "imap",
    "imaps",
    "ipfs",
    "ipns",
    "ipp",
    "ipps",
    "irc",
    "irc6",
    "ircs",
    "jdbc",
    "ldap",
    "ldapi",
    "ldaps",
    "magnet",
    "mms",
    "mmsh",
    "mmst",
    "mqtt",
    "mqtts",
    "mysql",
    "netdoc",
    "news",
    "nfs",
    "nntp",
    "nntps",
    "pop",
    "pop3",
    "postgres",
    "postgresql",
    "rdp",
    "redis",
    "rediss",
    "rlogin",
    "rsync",
    "rtmp",
    "rtmps",
    "rtsp",
    "rtspu",
    "rtsps",
    "scp",
    "sftp",
    "shttp",
    "smb",
    "smtp",
    "smtps",
    "snews",
    "snmp",
    "ssh",
    "stun",
    "stuns",
    "svn",
    "svn+ssh",
    "telnet",
    "tftp",
    "tn3270",
    "turn",
    "turns",
    "unix",
    "vnc",
    "wais",
    "webdav",
    "ws",
    "wss",
    "z39.50",
    "z39.50r",
    "z39.50s",
];

/// What calls, writes to or finds somebody.
const OF_PEOPLE: &[&str] = &[
    "callto",
    "contact",
    "facetime",
    "facetime-audio",
    "fax",
    "geo",
    "im",
    "mailto",
    "maps",
    "message",
    "mmsto",
    "modem",
    "pres",
    "sip",
    "sips",
    "skype",
    "sms",
    "smsto",
    "tel",
    "webcal",
    "webcals",
    "xmpp",
];

/// Handlers of operating systems: they start programs, settings, shops and searches. `intent:` names any app of a phone.
const OF_SYSTEMS: &[&str] = &[
    "android-app",
    "app-prefs",
    "app-settings",
    "applescript",
    "appinstaller",
    "content",
    "hcp",
    "help",
    "intent",
    "itms",
    "itms-apps",
    "itms-appss",
    "itms-books",
    "itms-services",
    "its",
    "jnlp",
    "jnlps",
    "macappstore",
    "macappstores",
    "market",
    "mk",
    "onenote",
    "onenote-cmd",
    "package",
    "prefs",
    "res",
    "search",
    "search-ms",
    "shell",
    "shortcuts",
    "windowsdefender",
    "workflow",
    "x-help-action",
    "x-man-page",
    "x-web-search",
    "zune",
];

/// The two of Windows that are meant for this: the system hands the answer to the very app that asked.
const OF_WINDOWS_APPS: &[&str] = &["ms-app", "ms-appx-web"];

/// Whether an answer may be sent to URIs of this scheme, which is in lower case.
pub(super) fn takes_answers(scheme: &str) -> bool {
    if OF_WINDOWS_APPS.contains(&scheme) {
        return true;
    }
    // Another protocol inside (`git+ssh:`), and what browsers hand to pages and extensions (`web+tea:`).
    let is_wrapped = scheme.split_once('+').is_some_and(|(outer, inner)| {
        matches!(outer, "web" | "ext")
            || matches!(inner, "http" | "https" | "ssh" | "unix" | "file" | "ftp" | "tcp" | "tls")
    });
    let is_of_system = ["ms-", "x-apple", "microsoft-"].iter().any(|start| scheme.starts_with(start));
    let lists = [RUNS_OR_WRAPS, OF_BROWSERS, OF_OTHER_SERVERS, OF_PEOPLE, OF_SYSTEMS];
    !is_of_system && !is_wrapped && !lists.iter().any(|list| list.contains(&scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_of_apps_take_answers() {
        for scheme in [
            "http",
            "https",
            "com.example.app",
            "net.openid.appauthdemo",
            "vscode",
            "vscode-insiders",
            "vscodium",
            "cursor",
            "windsurf",
            "zed",
            "jetbrains",
            "jetbrains-gateway",
            "idea",
            "coder",
            "claude",
            "raycast",
            "obsidian",
            "slack",
            "msauth",
            "msal1234",
            "ms-app",
            "ms-appx-web",
            "myapp",
            "feedly",
            "chromeless",
        ] {
            assert!(takes_answers(scheme), "{scheme}");
        }
    }

    #[test]
    fn others_take_none() {
        let systems = [
            "ms-settings",
            "ms-msdt",
            "ms-officecmd",
            "ms-word",
            "ms-appinstaller",
            "ms-its",
            "x-apple.x",
            "git+ssh",
            "http+unix",
            "ws+unix",
            "web+x",
            "ext+x",
        ];
        let lists = [RUNS_OR_WRAPS, OF_BROWSERS, OF_OTHER_SERVERS, OF_PEOPLE, OF_SYSTEMS];
        for scheme in lists.iter().flat_map(|list| list.iter()).chain(&systems) {
            assert!(!takes_answers(scheme), "{scheme}");
            assert_eq!(scheme.to_lowercase(), **scheme);
        }
    }
}
