-- The tables and views of a file that trainbus-log writes with --sink sqlite:PATH. README.md says what the columns mean.
-- *_rows hold the records, with run, trainer and incarnation as one small number (`life`); the views are for reading.

-- One process life of a trainer.
CREATE TABLE lives(
  life INTEGER PRIMARY KEY,
  run TEXT NOT NULL, trainer TEXT NOT NULL, incarnation INTEGER NOT NULL,
  UNIQUE(run, trainer, incarnation));

CREATE TABLE batch_rows(
  life INTEGER NOT NULL REFERENCES lives, sequence INTEGER NOT NULL, timestamp_ms INTEGER NOT NULL,
  step INTEGER, epoch INTEGER, batch_idx INTEGER, batch_size INTEGER,
  batch_loss REAL, batch_accuracy REAL, learning_rate REAL,
  ground_truth TEXT, predicted_class TEXT, confidence TEXT,
  PRIMARY KEY(life, sequence)) WITHOUT ROWID;

CREATE TABLE epoch_rows(
  life INTEGER NOT NULL REFERENCES lives, sequence INTEGER NOT NULL, timestamp_ms INTEGER NOT NULL,
  step INTEGER, epoch INTEGER, average_loss REAL, average_accuracy REAL, learning_rate REAL, is_converged INTEGER,
  validation_loss REAL, validation_accuracy REAL,
  PRIMARY KEY(life, sequence)) WITHOUT ROWID;

CREATE TABLE perf_rows(
  life INTEGER NOT NULL REFERENCES lives, sequence INTEGER NOT NULL, timestamp_ms INTEGER NOT NULL,
  step INTEGER, time_per_batch_ms REAL, total_time_for_epoch_sec REAL, estimated_time_remaining_sec REAL,
  current_fps REAL, average_fps REAL, cpu_percent REAL, memory_mb REAL, gpu_percent REAL, gpu_memory_mb REAL,
  PRIMARY KEY(life, sequence)) WITHOUT ROWID;

CREATE TABLE status_rows(
  life INTEGER NOT NULL REFERENCES lives, sequence INTEGER NOT NULL, timestamp_ms INTEGER NOT NULL,
  step INTEGER, status TEXT, message TEXT, total_epochs INTEGER, batches_per_epoch INTEGER, batch_size INTEGER,
  learning_rate REAL, model_name TEXT, dataset_name TEXT, class_names TEXT,
  PRIMARY KEY(life, sequence)) WITHOUT ROWID;

CREATE TABLE command_rows(
  life INTEGER NOT NULL REFERENCES lives, sequence INTEGER NOT NULL, timestamp_ms INTEGER NOT NULL,
  command_id TEXT, type TEXT, value NUMERIC, state TEXT, issuer TEXT, deadline_ms INTEGER, applied_step INTEGER,
  old_value NUMERIC, new_value NUMERIC, reason TEXT,
  PRIMARY KEY(life, sequence)) WITHOUT ROWID;

CREATE TABLE alert_rows(
  life INTEGER NOT NULL REFERENCES lives, sequence INTEGER NOT NULL, timestamp_ms INTEGER NOT NULL,
  alert_id TEXT, rule TEXT, active INTEGER, message TEXT, value REAL,
  PRIMARY KEY(life, sequence)) WITHOUT ROWID;

-- One row per record.
CREATE VIEW batches AS
  SELECT run, trainer, incarnation, sequence, timestamp_ms,
         strftime('%Y-%m-%dT%H:%M:%fZ', timestamp_ms / 1000.0, 'unixepoch') AS time,
         step, epoch, batch_idx, batch_size, batch_loss, batch_accuracy, learning_rate,
         ground_truth, predicted_class, confidence
  FROM lives JOIN batch_rows USING(life);

CREATE VIEW epochs AS
  SELECT run, trainer, incarnation, sequence, timestamp_ms,
         strftime('%Y-%m-%dT%H:%M:%fZ', timestamp_ms / 1000.0, 'unixepoch') AS time,
         step, epoch, average_loss, average_accuracy, learning_rate, is_converged, validation_loss, validation_accuracy
  FROM lives JOIN epoch_rows USING(life);

CREATE VIEW perf AS
  SELECT run, trainer, incarnation, sequence, timestamp_ms,
         strftime('%Y-%m-%dT%H:%M:%fZ', timestamp_ms / 1000.0, 'unixepoch') AS time,
         step, time_per_batch_ms, total_time_for_epoch_sec, estimated_time_remaining_sec, current_fps, average_fps,
         cpu_percent, memory_mb, gpu_percent, gpu_memory_mb
  FROM lives JOIN perf_rows USING(life);

CREATE VIEW status AS
  SELECT run, trainer, incarnation, sequence, timestamp_ms,
         strftime('%Y-%m-%dT%H:%M:%fZ', timestamp_ms / 1000.0, 'unixepoch') AS time,
         step, status, message, total_epochs, batches_per_epoch, batch_size, learning_rate, model_name, dataset_name,
         class_names
  FROM lives JOIN status_rows USING(life);

CREATE VIEW commands AS
  SELECT run, trainer, incarnation, sequence, timestamp_ms,
         strftime('%Y-%m-%dT%H:%M:%fZ', timestamp_ms / 1000.0, 'unixepoch') AS time,
         command_id, type, value, state, issuer, deadline_ms, applied_step, old_value, new_value, reason
  FROM lives JOIN command_rows USING(life);

CREATE VIEW alerts AS
  SELECT run, trainer, incarnation, sequence, timestamp_ms,
         strftime('%Y-%m-%dT%H:%M:%fZ', timestamp_ms / 1000.0, 'unixepoch') AS time,
         alert_id, rule, active, message, value
  FROM lives JOIN alert_rows USING(life);

-- One row per process life: how far it came, and where it began (a resumed training begins in a later epoch).
CREATE VIEW incarnations AS
  SELECT run, trainer, incarnation, life,
         coalesce((SELECT epoch FROM batch_rows b WHERE b.life = l.life ORDER BY sequence LIMIT 1),
                  (SELECT epoch FROM epoch_rows e WHERE e.life = l.life ORDER BY sequence LIMIT 1)) AS first_epoch,
         coalesce((SELECT batch_idx FROM batch_rows b WHERE b.life = l.life ORDER BY sequence LIMIT 1),
                  0) AS first_batch_idx,
         (SELECT step FROM batch_rows b WHERE b.life = l.life ORDER BY sequence DESC LIMIT 1) AS step,
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
  FROM lives l;

-- One row per trainer: its newest life.
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
         started_ms AS first_ms, last_ms
  FROM (SELECT run, trainer, count(*) AS incarnations, max(incarnation) AS incarnation, min(first_ms) AS started_ms
        FROM incarnations GROUP BY run, trainer)
       JOIN incarnations i USING(run, trainer, incarnation);

CREATE VIEW runs AS
  SELECT run, count(*) AS trainers, sum(incarnations) AS incarnations,
         strftime('%Y-%m-%dT%H:%M:%fZ', min(first_ms) / 1000.0, 'unixepoch') AS started,
         strftime('%Y-%m-%dT%H:%M:%fZ', max(last_ms) / 1000.0, 'unixepoch') AS last_heard
  FROM trainers GROUP BY run;

-- A training that was resumed in epoch E supersedes what earlier lives of the same trainer did from there on.
CREATE VIEW current_batches AS
  SELECT * FROM batches b WHERE NOT EXISTS (
    SELECT 1 FROM incarnations i WHERE i.run = b.run AND i.trainer = b.trainer AND i.incarnation > b.incarnation
                                   AND (i.first_epoch, i.first_batch_idx) <= (b.epoch, b.batch_idx));

CREATE VIEW current_epochs AS
  SELECT * FROM epochs e WHERE NOT EXISTS (
    SELECT 1 FROM incarnations i WHERE i.run = e.run AND i.trainer = e.trainer AND i.incarnation > e.incarnation
                                   AND i.first_epoch <= e.epoch);

-- One row per command: how it ended, or the state that it is in.
CREATE VIEW command_results AS
  SELECT run, trainer, incarnation, command_id, type, value, state, issuer, applied_step, old_value, new_value, reason,
         issued_ms, timestamp_ms - issued_ms AS took_ms
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
