-- Whether the default venue has been applied: it is, once, when an exchange is new. Later changes of
-- the venue are an operator's, and no start undoes them.
CREATE TABLE venue_applied (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  applied_time timestamptz NOT NULL DEFAULT now()
);
