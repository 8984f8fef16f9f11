-- Without templates and workspaces.
DROP TABLE workspace_builds;
DROP TABLE workspaces;
DROP TABLE templates;
