-- Of the input tokens, those written to the provider's cache; of the answer's, those that were thought. NULL where nobody told.
ALTER TABLE decisions ADD COLUMN cache_write_tokens INTEGER;
ALTER TABLE decisions ADD COLUMN reasoning_tokens INTEGER;
