-- Mail addresses that users have proved to read, or that somebody vouches for, in lower case. One that the user does not have any more says nothing.
CREATE TABLE verified_emails (
    user_id uuid NOT NULL PRIMARY KEY REFERENCES users (id),
    email text COLLATE "C" NOT NULL
);
