ALTER TABLE user_links DROP COLUMN is_main;
