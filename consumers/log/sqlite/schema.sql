-- The tables and views of a file that trainbus-log writes with --sink sqlite:PATH, beside those that hold records as they
-- are: sqlite_schema.cpp makes these from the schema (KIND_rows, and the views batches, epochs, ...). README.md says what
-- the columns mean. *_rows have run, trainer and incarnation as one small number (`life`); the views are for reading.

-- One process life of a trainer, numbered in the order in which they were first heard of.
CREATE TABLE IF NOT EXISTS lives(
  life INTEGER PRIMARY KEY,
  run TEXT NOT NULL, trainer TEXT NOT NULL, incarnation INTEGER NOT NULL,
  UNIQUE(run, trainer, incarnation));

CREATE TABLE IF NOT EXISTS value_names(
  value_name INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE);

-- One named value of a batch (kind 1), an epoch (2) or a record of scalars (9). By name, because a curve is what is read.
CREATE TABLE IF NOT EXISTS value_rows(
  life INTEGER NOT NULL REFERENCES lives, value_name INTEGER NOT NULL REFERENCES value_names,
  kind INTEGER NOT NULL, sequence INTEGER NOT NULL,
  timestamp_ms INTEGER NOT NULL, step INTEGER, epoch INTEGER, value REAL,
  PRIMARY KEY(life, value_name, kind, sequence)) WITHOUT ROWID;

-- One picture of a record of media.
CREATE TABLE IF NOT EXISTS image_rows(
  life INTEGER NOT NULL REFERENCES lives, sequence INTEGER NOT NULL, item INTEGER NOT NULL,
  caption TEXT, format TEXT, width INTEGER, height INTEGER, channels INTEGER, image BLOB,
  UNIQUE(life, sequence, item));

-- Where each life begins: its own first step on the trainer's one curve is first_step + 1, and a later life that began
-- ends it after ends_step. A life says its first_step, or it is placed after what came before its first epoch and batch
-- in the last life that has something before them, or, without one, by its own batches_per_epoch. A place is
-- epoch << 32 | batch_idx. What it does again begins at the first step that was heard of it: a trainer may count its steps
-- over all of its lives.
CREATE VIEW curve AS
  WITH RECURSIVE
  firsts AS MATERIALIZED (
    SELECT l.life, run, trainer,
           (SELECT first_step FROM status_rows s WHERE s.life = l.life AND first_step IS NOT NULL
            ORDER BY sequence DESC LIMIT 1) AS said,
           coalesce((SELECT batches_per_epoch FROM status_rows s WHERE s.life = l.life AND batches_per_epoch IS NOT NULL
                     ORDER BY sequence LIMIT 1), 0) AS per_epoch,
           coalesce(b.epoch, e.epoch) AS epoch,
           coalesce(b.batch_idx, 0) AS batch_idx,
           iif(b.life IS NULL, 0, coalesce(b.step, b.sequence) - 1) AS done
    FROM lives l
         LEFT JOIN batch_rows b ON b.life = l.life
                                AND b.sequence = (SELECT min(sequence) FROM batch_rows WHERE life = l.life)
         LEFT JOIN epoch_rows e ON e.life = l.life
                                AND e.sequence = (SELECT min(sequence) FROM epoch_rows WHERE life = l.life)),
  -- `done` batches before the first record, of its epoch as far as there is room in it.
  begins AS MATERIALIZED (
    SELECT life, run, trainer, said, per_epoch, epoch, max(0, batch_idx - done) AS batch_idx,
           max(0, done - batch_idx) AS skipped, done, (epoch << 32) + max(0, batch_idx - done) AS place
    FROM firsts),
  links AS MATERIALIZED (
    SELECT b.*, (SELECT p.life FROM begins p
                 WHERE p.run = b.run AND p.trainer = b.trainer AND p.life < b.life AND p.place < b.place
                 ORDER BY p.life DESC LIMIT 1) AS before
    FROM begins b),
  placed(life, first_step) AS (
    SELECT life, coalesce(said, max(0, (max(epoch, 1) - 1) * per_epoch + batch_idx - skipped), 0)
    FROM links WHERE said IS NOT NULL OR before IS NULL
    UNION ALL
    SELECT l.life, max(0, p.first_step - l.skipped + max(
             coalesce((SELECT coalesce(step, sequence) FROM batch_rows r
                       WHERE r.life = p.life AND (r.epoch << 32) + r.batch_idx < l.place
                       ORDER BY sequence DESC LIMIT 1), 0),
             coalesce((SELECT step FROM epoch_rows r WHERE r.life = p.life AND r.epoch < l.epoch
                       ORDER BY sequence DESC LIMIT 1), 0)))
    FROM placed p JOIN links l ON l.before = p.life AND l.said IS NULL),
  starts AS MATERIALIZED (SELECT b.*, first_step FROM begins b JOIN placed USING(life))
  SELECT s.life, s.first_step, s.epoch AS first_epoch, s.batch_idx AS first_batch_idx,
         min(later.first_step + later.done) AS ends_step, min(later.place) AS ends_place
  FROM starts s LEFT JOIN starts later
       ON later.run = s.run AND later.trainer = s.trainer AND later.life > s.life AND later.epoch IS NOT NULL
  GROUP BY s.life;

-- One row per process life: how far it came, and where it began.
CREATE VIEW incarnations AS
  SELECT run, trainer, incarnation, life, first_epoch, first_batch_idx, first_step,
         (SELECT coalesce(step, sequence) FROM batch_rows b WHERE b.life = l.life
          ORDER BY sequence DESC LIMIT 1) AS step,
         (SELECT status FROM status_rows s WHERE s.life = l.life ORDER BY sequence DESC LIMIT 1) AS status,
         (SELECT min(timestamp_ms) FROM (
            SELECT * FROM (SELECT timestamp_ms FROM status_rows s WHERE s.life = l.life ORDER BY sequence LIMIT 1)
            UNION ALL
            SELECT * FROM (SELECT timestamp_ms FROM batch_rows b WHERE b.life = l.life ORDER BY sequence LIMIT 1))
         ) AS first_ms,
         (SELECT max(timestamp_ms) FROM (
            SELECT * FROM (SELECT timestamp_ms FROM status_rows s WHERE s.life = l.life ORDER BY sequence DESC LIMIT 1)
            UNION ALL
            SELECT * FROM (SELECT timestamp_ms FROM batch_rows b WHERE b.life = l.life ORDER BY sequence DESC LIMIT 1))
         ) AS last_ms
  FROM lives l JOIN curve USING(life);

-- One row per trainer: the life of it that was heard of last.
CREATE VIEW trainers AS
  SELECT run, trainer, incarnations, incarnation, status, step,
         (SELECT epoch FROM batch_rows b WHERE b.life = i.life ORDER BY sequence DESC LIMIT 1) AS epoch,
         (SELECT batch_loss FROM batch_rows b WHERE b.life = i.life ORDER BY sequence DESC LIMIT 1) AS batch_loss,
         (SELECT batch_accuracy FROM batch_rows b WHERE b.life = i.life ORDER BY sequence DESC LIMIT 1) AS batch_accuracy,
         (SELECT learning_rate FROM batch_rows b WHERE b.life = i.life ORDER BY sequence DESC LIMIT 1) AS learning_rate,
         (SELECT model_name FROM status_rows s WHERE s.life = i.life AND model_name IS NOT NULL
          ORDER BY sequence DESC LIMIT 1) AS model_name,
         (SELECT dataset_name FROM status_rows s WHERE s.life = i.life AND dataset_name IS NOT NULL
          ORDER BY sequence DESC LIMIT 1) AS dataset_name,
         started_ms AS first_ms, last_ms,
         first_step + step AS total_step
  FROM (SELECT run, trainer, count(*) AS incarnations, max(life) AS life, min(first_ms) AS started_ms
        FROM incarnations WHERE first_ms IS NOT NULL GROUP BY run, trainer)
       JOIN incarnations i USING(run, trainer, life);

CREATE VIEW runs AS
  SELECT run, count(*) AS trainers, sum(incarnations) AS incarnations,
         strftime('%Y-%m-%dT%H:%M:%fZ', min(first_ms) / 1000.0, 'unixepoch') AS started,
         strftime('%Y-%m-%dT%H:%M:%fZ', max(last_ms) / 1000.0, 'unixepoch') AS last_heard
  FROM trainers GROUP BY run;

-- One row per command: how it ended, or the state that it is in.
CREATE VIEW command_results AS
  SELECT run, trainer, incarnation, command_id, type, value, state, issuer, applied_step, old_value, new_value, reason,
         issued_ms, timestamp_ms - issued_ms AS took_ms, knob
  FROM (SELECT run, trainer, incarnation, command_id, min(timestamp_ms) AS issued_ms, max(sequence) AS sequence
        FROM commands GROUP BY run, trainer, incarnation, command_id)
       JOIN commands USING(run, trainer, incarnation, command_id, sequence);

-- One row per predicted sample of a batch.
CREATE VIEW predictions AS
  SELECT run, trainer, incarnation, sequence, step, epoch, batch_idx, p.key AS item,
         ground_truth ->> p.key AS truth, p.value AS predicted_class, confidence ->> p.key AS confidence,
         (SELECT class_names ->> (ground_truth ->> p.key) FROM status_rows s
          WHERE s.life = r.life AND class_names IS NOT NULL ORDER BY sequence DESC LIMIT 1) AS truth_label,
         (SELECT class_names ->> p.value FROM status_rows s
          WHERE s.life = r.life AND class_names IS NOT NULL ORDER BY sequence DESC LIMIT 1) AS predicted_label
  FROM lives JOIN batch_rows r USING(life), json_each(r.predicted_class) p;

-- One row per named value.
CREATE VIEW scalars AS
  SELECT run, trainer, incarnation, sequence, timestamp_ms,
         strftime('%Y-%m-%dT%H:%M:%fZ', timestamp_ms / 1000.0, 'unixepoch') AS time,
         CASE kind WHEN 1 THEN 'batch' WHEN 2 THEN 'epoch' ELSE 'scalars' END AS kind, step, epoch, name, value
  FROM lives CROSS JOIN value_names CROSS JOIN value_rows USING(life, value_name);

-- Those that no later life did again, on the trainer's one curve.
CREATE VIEW current_scalars AS
  SELECT run, trainer, incarnation, first_step + coalesce(step, iif(kind = 1, sequence, NULL)) AS total_step, sequence,
         timestamp_ms, strftime('%Y-%m-%dT%H:%M:%fZ', timestamp_ms / 1000.0, 'unixepoch') AS time,
         CASE kind WHEN 1 THEN 'batch' WHEN 2 THEN 'epoch' ELSE 'scalars' END AS kind, step, epoch, name, value
  FROM lives CROSS JOIN curve USING(life) CROSS JOIN value_names CROSS JOIN value_rows USING(life, value_name)
  WHERE ends_step IS NULL
     OR coalesce(first_step + coalesce(step, iif(kind = 1, sequence, NULL)) <= ends_step,
                 (epoch << 32) + 0xffffffff < ends_place, 1);

-- All named values of one record in one row, as a JSON object: scalars ->> 'val/iou'.
CREATE VIEW wide_scalars AS
  SELECT run, trainer, incarnation, kind, sequence, timestamp_ms, time, step, epoch,
         json_group_object(name, CASE value WHEN 9e999 THEN json('9e999') WHEN -9e999 THEN json('-9e999') ELSE value END)
           AS scalars
  FROM scalars GROUP BY run, trainer, incarnation, kind, sequence;

-- One row per picture.
CREATE VIEW media_images AS
  SELECT run, trainer, incarnation, sequence, timestamp_ms, step, name, item, caption, format, width, height, channels,
         image
  FROM lives JOIN media_rows USING(life) JOIN image_rows USING(life, sequence);

-- One row per setting of a life, as its newest plan says.
CREATE VIEW parameters AS
  SELECT run, trainer, incarnation, p.key AS name, p.value AS value
  FROM lives JOIN status_rows s USING(life), json_each(s.parameters) p
  WHERE s.sequence = (SELECT max(sequence) FROM status_rows n WHERE n.life = s.life AND $plan_is_there);

-- One row per knob of a life, as its newest plan says.
CREATE VIEW knobs AS
  SELECT run, trainer, incarnation, k.value ->> 'name' AS name, k.value ->> 'type' AS type, k.value ->> 'value' AS value,
         k.value ->> 'min' AS min, k.value ->> 'max' AS max, k.value ->> 'unit' AS unit,
         k.value ->> 'choices' AS choices, k.value ->> 'help' AS help
  FROM lives JOIN status_rows s USING(life), json_each(s.knobs) k
  WHERE s.sequence = (SELECT max(sequence) FROM status_rows n WHERE n.life = s.life AND $plan_is_there);
