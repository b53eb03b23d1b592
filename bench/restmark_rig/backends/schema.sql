-- The tables that the routes below /db and /orm ask: docs/SPEC.md, "Back ends". The rig creates them, fills them by COPY and then makes the rest.
CREATE TABLE owner (
    id bigint PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE record (
    id bigint PRIMARY KEY,
    owner_id bigint NOT NULL REFERENCES owner,
    category text NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    type text NOT NULL,
    count bigint NOT NULL,
    created_at double precision NOT NULL
);

CREATE INDEX record_search ON record (category, created_at DESC, id DESC);
