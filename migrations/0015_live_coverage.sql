-- Whether intervals of remaining life keep their word, by what was told of lives before they failed.

CREATE TABLE live_coverage (
    fleet       text NOT NULL,
    source      text NOT NULL,                         -- of the prognoses
    level       real NOT NULL,                         -- that the intervals claim
    lives       integer NOT NULL,
    coverage    double precision NOT NULL,             -- mean over lives of the share of intervals that held
    chance      double precision NOT NULL,             -- of so little, if the claim were true
    verdict     text NOT NULL CHECK (verdict IN ('holds', 'too-few-lives-to-tell', 'has-stopped-holding')),
    computed_at timestamptz NOT NULL,
    PRIMARY KEY (fleet, source, level)
);
