-- Published versions of rulesets. A row never changes but for its retirement, and never goes: decisions refer to it.

CREATE TABLE published_ruleset (
    id text COLLATE "C" NOT NULL CHECK (id <> '' AND id !~ '[@\s]'),
    version text COLLATE "C" NOT NULL CHECK (version <> '' AND version !~ '[@\s]'),
    -- The digests cover exactly the bytes stored beside them: what was published can be proven from the row alone.
    digest text COLLATE "C" NOT NULL CHECK (digest = 'sha256:' || encode(sha256(closure), 'hex')),
    texts_digest text COLLATE "C" NOT NULL CHECK (texts_digest = 'sha256:' || encode(sha256(texts), 'hex')),
    semantics text COLLATE "C" NOT NULL CHECK (semantics <> ''),
    closure bytea NOT NULL,
    texts bytea NOT NULL,
    document jsonb NOT NULL CHECK (jsonb_typeof(document) = 'object'),
    authority text COLLATE "C" NOT NULL
        CHECK (authority IN ('in_force', 'consultation_draft', 'unofficial_copy', 'unclear', 'repealed')),
    jurisdiction text COLLATE "C" NOT NULL CHECK (jurisdiction <> ''),
    starts date,
    period_first_year integer,
    period_last_year integer,
    published_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz,
    sunset_at timestamptz,
    PRIMARY KEY (id, version),
    CHECK ((period_first_year IS NULL) = (period_last_year IS NULL) AND period_first_year <= period_last_year),
    CHECK (sunset_at IS NULL OR sunset_at >= retired_at),
    CHECK (sunset_at IS NULL OR retired_at IS NOT NULL)
);

CREATE FUNCTION published_ruleset_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    otherwise record;
BEGIN
    IF TG_OP <> 'UPDATE' THEN
        RAISE EXCEPTION 'published rulesets are never removed' USING ERRCODE = 'restrict_violation';
    END IF;
    otherwise := NEW;
    otherwise.retired_at := OLD.retired_at;
    otherwise.sunset_at := OLD.sunset_at;
    -- *<> compares the stored bytes, and covers columns that later migrations add.
    IF otherwise *<> OLD THEN
        RAISE EXCEPTION 'a published ruleset never changes: %@%', OLD.id, OLD.version
            USING ERRCODE = 'restrict_violation', HINT = 'publish a new version';
    END IF;
    IF OLD.retired_at IS NOT NULL AND NEW.retired_at IS DISTINCT FROM OLD.retired_at THEN
        RAISE EXCEPTION 'a retirement is final: %@%', OLD.id, OLD.version
            USING ERRCODE = 'restrict_violation', HINT = 'publish a new version';
    END IF;
    IF OLD.sunset_at IS NOT NULL AND (NEW.sunset_at IS NULL OR NEW.sunset_at < OLD.sunset_at) THEN
        RAISE EXCEPTION 'a sunset that was announced can only be put off: %@%', OLD.id, OLD.version
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER published_ruleset_row_stays
    BEFORE UPDATE OR DELETE ON published_ruleset
    FOR EACH ROW EXECUTE FUNCTION published_ruleset_stays();

CREATE TRIGGER published_ruleset_table_stays
    BEFORE TRUNCATE ON published_ruleset
    FOR EACH STATEMENT EXECUTE FUNCTION published_ruleset_stays();

-- Also in a session that plays back a replica's changes, which skips ordinary triggers.
ALTER TABLE published_ruleset ENABLE ALWAYS TRIGGER published_ruleset_row_stays;
ALTER TABLE published_ruleset ENABLE ALWAYS TRIGGER published_ruleset_table_stays;
