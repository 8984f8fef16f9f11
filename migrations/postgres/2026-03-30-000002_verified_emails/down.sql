DROP TABLE verified_emails;
