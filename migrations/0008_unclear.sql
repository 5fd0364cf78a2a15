-- What is known of a tweet that X may have taken: since when, above which id to look, how often it was looked for and lost.
ALTER TABLE jobs ADD COLUMN sent_at INTEGER;
ALTER TABLE jobs ADD COLUMN newest_before TEXT;
ALTER TABLE jobs ADD COLUMN looks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN losses INTEGER NOT NULL DEFAULT 0;

-- The newest thing that X made for this lane, as far as we know.
ALTER TABLE lanes ADD COLUMN newest TEXT;
