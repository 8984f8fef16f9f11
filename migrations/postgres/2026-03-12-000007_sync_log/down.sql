DROP INDEX user_links_seen;
DROP TABLE sync_log;
