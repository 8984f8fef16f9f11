//! What the tests of Doorward share: a throw-away PostgreSQL cluster, browsers, clients.
