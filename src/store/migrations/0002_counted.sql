-- What a request counts against a budget: its cost, or what it was expected to cost where nobody told. NULL where no budget was set.
ALTER TABLE decisions ADD COLUMN counted_usd REAL;
