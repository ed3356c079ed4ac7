-- Who asked and what was known when it was decided. Texts of prompts stand here only where `log_prompts` says so.
ALTER TABLE decisions ADD COLUMN caller TEXT;
ALTER TABLE decisions ADD COLUMN caller_id TEXT;
ALTER TABLE decisions ADD COLUMN session TEXT;
ALTER TABLE decisions ADD COLUMN complexity_confidence REAL;
ALTER TABLE decisions ADD COLUMN novelty REAL;
ALTER TABLE decisions ADD COLUMN truncated INTEGER;
ALTER TABLE decisions ADD COLUMN tier TEXT;
ALTER TABLE decisions ADD COLUMN artifact TEXT;
-- Of the model that served, or else of the one that was to be tried first.
ALTER TABLE decisions ADD COLUMN predicted_quality REAL;
-- JSON: {model: quality}, every model that was predicted.
ALTER TABLE decisions ADD COLUMN predicted_qualities TEXT;
-- JSON: [{model, provider, predicted_quality, expected_cost_usd, propensity, by_prediction, reason}] in order of trial.
ALTER TABLE decisions ADD COLUMN chain TEXT;
-- JSON: [{model, provider, outcome, ms}], every try.
ALTER TABLE decisions ADD COLUMN tries TEXT;
-- JSON: {model: usd}, what the same tokens cost at each model's prices.
ALTER TABLE decisions ADD COLUMN would_cost_usd TEXT;
-- The model that was predicted to answer best, and what the same tokens cost there.
ALTER TABLE decisions ADD COLUMN best_model TEXT;
ALTER TABLE decisions ADD COLUMN best_usd REAL;
-- 'exact' or 'semantic' where the answer came from the cache, 'miss' where it might have.
ALTER TABLE decisions ADD COLUMN cache TEXT;
-- The features that were classified: which space they belong to, a keyed hash of them, and the features themselves.
ALTER TABLE decisions ADD COLUMN feature_space TEXT;
ALTER TABLE decisions ADD COLUMN fingerprint TEXT;
ALTER TABLE decisions ADD COLUMN features BLOB;
ALTER TABLE decisions ADD COLUMN prompt TEXT;
