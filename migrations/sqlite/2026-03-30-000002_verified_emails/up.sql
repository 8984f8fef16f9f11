-- Mail addresses that users have proved to read, or that somebody vouches for, in lower case. One that the user does not have any more says nothing.
CREATE TABLE verified_emails (
    user_id blob NOT NULL PRIMARY KEY REFERENCES users (id),
    email text NOT NULL
) STRICT, WITHOUT ROWID;
