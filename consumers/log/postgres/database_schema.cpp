#include "database_schema.hpp"

#include <stdexcept>

#include "record_tables.hpp"

namespace trainbus {
namespace {

constexpr char kHeads[] =
    "site text COLLATE \"C\" NOT NULL DEFAULT '', kind text COLLATE \"C\" NOT NULL, run text COLLATE \"C\" NOT NULL, "
    "trainer text COLLATE \"C\" NOT NULL, "
    "incarnation bigint NOT NULL,"
    " sequence bigint NOT NULL, PRIMARY KEY (site, run, trainer, incarnation, kind)";

// One row per process life, numbered in the order in which they were first heard of.
constexpr char kLives[] =
    "life bigint GENERATED ALWAYS AS IDENTITY, site text COLLATE \"C\" NOT NULL DEFAULT '', run text COLLATE \"C\" NOT "
    "NULL, trainer text COLLATE \"C\" NOT NULL, "
    "incarnation bigint NOT NULL, PRIMARY KEY (site, run, trainer, incarnation)";

// Which broker writes a site: two that took one name would mix their trainers.
constexpr char kSites[] = "site text COLLATE \"C\" PRIMARY KEY, broker text NOT NULL";

// What `make_schema` last made.
constexpr char kVersion[] = "trainbus tables of version 3";

struct View {
  const char* name;
  const char* query;
};

// A step of the trainer, as far as it can be added to: nobody has trained 2^53 steps.
#define TRAINBUS_STEP "CASE WHEN step BETWEEN 0 AND 9007199254740992 THEN step END"

// In the order in which they are made: each needs those before it. `$` is the schema, `@` the columns of a plan.
constexpr View kViews[] = {
    // Where each life begins and ends on the one curve of its trainer: as in the sink sqlite (schema.sql says how).
    {"curve", R"(
WITH RECURSIVE firsts AS MATERIALIZED (
  SELECT l.life, l.site, l.run, l.trainer, l.incarnation,
         (SELECT least(greatest(first_step, 0), 9007199254740992) FROM $.status s
          WHERE (s.site, s.run, s.trainer, s.incarnation) = (l.site, l.run, l.trainer, l.incarnation) AND first_step IS NOT NULL
          ORDER BY sequence DESC LIMIT 1) AS said,
         coalesce((SELECT batches_per_epoch FROM $.status s
                   WHERE (s.site, s.run, s.trainer, s.incarnation) = (l.site, l.run, l.trainer, l.incarnation)
                         AND batches_per_epoch IS NOT NULL ORDER BY sequence LIMIT 1), 0)::bigint AS per_epoch,
         coalesce(b.epoch, e.epoch)::bigint AS epoch, coalesce(b.batch_idx, 0)::bigint AS batch_idx,
         coalesce(b.step - 1, 0) AS done
  FROM $.lives l
  LEFT JOIN LATERAL (SELECT epoch, batch_idx, coalesce()" TRAINBUS_STEP R"(, sequence) AS step FROM $.batches b
                     WHERE (b.site, b.run, b.trainer, b.incarnation) = (l.site, l.run, l.trainer, l.incarnation)
                     ORDER BY sequence LIMIT 1) b ON true
  LEFT JOIN LATERAL (SELECT epoch FROM $.epochs e
                     WHERE (e.site, e.run, e.trainer, e.incarnation) = (l.site, l.run, l.trainer, l.incarnation)
                     ORDER BY sequence LIMIT 1) e ON true),
begins AS MATERIALIZED (
  SELECT life, site, run, trainer, incarnation, said, per_epoch, epoch, greatest(0, batch_idx - done) AS batch_idx,
         greatest(0, done - batch_idx) AS skipped, done, (epoch << 32) + greatest(0, batch_idx - done) AS place
  FROM firsts),
links AS MATERIALIZED (
  SELECT b.*, (SELECT p.life FROM begins p WHERE p.site = b.site AND p.run = b.run AND p.trainer = b.trainer AND p.life < b.life
               AND p.place < b.place ORDER BY p.life DESC LIMIT 1) AS before
  FROM begins b),
placed(life, site, run, trainer, incarnation, first_step) AS (
  SELECT life, site, run, trainer, incarnation,
         coalesce(said, greatest(0, (greatest(epoch, 1) - 1) * per_epoch + batch_idx - skipped))
  FROM links WHERE said IS NOT NULL OR before IS NULL
  UNION ALL
  SELECT l.life, l.site, l.run, l.trainer, l.incarnation, greatest(0, p.first_step - l.skipped + greatest(
           coalesce((SELECT coalesce()" TRAINBUS_STEP R"(, sequence) FROM $.batches r
                     WHERE (r.site, r.run, r.trainer, r.incarnation) = (p.site, p.run, p.trainer, p.incarnation)
                           AND (r.epoch::bigint << 32) + r.batch_idx < l.place ORDER BY sequence DESC LIMIT 1), 0),
           coalesce((SELECT )" TRAINBUS_STEP R"( FROM $.epochs r
                     WHERE (r.site, r.run, r.trainer, r.incarnation) = (p.site, p.run, p.trainer, p.incarnation)
                           AND r.epoch < l.epoch ORDER BY sequence DESC LIMIT 1), 0)))
  FROM placed p JOIN links l ON l.before = p.life AND l.said IS NULL),
starts AS MATERIALIZED (SELECT b.*, placed.first_step FROM begins b JOIN placed USING (life))
SELECT s.life, s.site, s.run, s.trainer, s.incarnation, s.first_step, s.epoch AS first_epoch, s.batch_idx AS first_batch_idx,
       min(later.first_step + later.done) AS ends_step, min(later.place) AS ends_place
FROM starts s LEFT JOIN starts later
     ON later.site = s.site AND later.run = s.run AND later.trainer = s.trainer AND later.life > s.life AND later.epoch IS NOT NULL
GROUP BY s.life, s.site, s.run, s.trainer, s.incarnation, s.first_step, s.epoch, s.batch_idx)"},

    {"current_batches", R"(
SELECT * FROM (SELECT c.first_step + coalesce()" TRAINBUS_STEP R"(, b.sequence) AS total_step, b.*, c.ends_step
               FROM $.batches b JOIN $.curve c USING (site, run, trainer, incarnation)) placed
WHERE ends_step IS NULL OR total_step <= ends_step)"},

    {"current_epochs", R"(
SELECT * FROM (SELECT c.first_step + )" TRAINBUS_STEP R"( AS total_step, e.*, c.ends_step, c.ends_place
               FROM $.epochs e JOIN $.curve c USING (site, run, trainer, incarnation)) placed
WHERE ends_step IS NULL OR coalesce(total_step <= ends_step, (epoch::bigint << 32) + 4294967295 < ends_place))"},

    {"current_scalars", R"(
SELECT * FROM (SELECT c.first_step + coalesce()" TRAINBUS_STEP R"(, CASE kind WHEN 'batch' THEN v.sequence END)
                        AS total_step, v.*, c.ends_step, c.ends_place
               FROM $.scalars v JOIN $.curve c USING (site, run, trainer, incarnation)) placed
WHERE ends_step IS NULL OR coalesce(total_step <= ends_step, (epoch::bigint << 32) + 4294967295 < ends_place, true))"},

    {"wide_scalars", R"(
SELECT site, run, trainer, incarnation, kind, sequence, min(timestamp_ms) AS timestamp_ms, min(step) AS step,
       min(epoch) AS epoch, jsonb_object_agg(name, value) AS scalars
FROM $.scalars GROUP BY site, run, trainer, incarnation, kind, sequence)"},

    // The newest plan of each life.
    {"plans", R"(
SELECT DISTINCT ON (site, run, trainer, incarnation) * FROM $.status WHERE NOT (ROW(@) IS NULL)
ORDER BY site, run, trainer, incarnation, sequence DESC)"},

    {"parameters", R"(
SELECT site, run, trainer, incarnation, p.key AS name, p.value FROM $.plans, jsonb_each_text(parameters) p)"},

    {"knobs", R"(
SELECT site, run, trainer, incarnation, k.name, k.type, k.value, k.min, k.max, k.unit, k.choices, k.help
FROM $.plans, jsonb_to_recordset(knobs) k(name text, type text, value text, min double precision, max double precision,
                                          unit text, choices jsonb, help text))"},

    // One row per process life of a trainer: what it is, what it said last, how many batches and epochs there are, and
    // where it begins.
    {"incarnations", R"(
SELECT l.site, l.run, l.trainer, l.incarnation, to_timestamp((l.incarnation >> 20) / 1000.0) AS started,
       last.status, last.message, plan.model_name, plan.dataset_name, plan.total_epochs, plan.batches_per_epoch,
       plan.batch_size, plan.learning_rate, plan.class_names, h.batches, h.epochs, l.life, c.first_step, c.first_epoch,
       c.first_batch_idx, plan.tags, plan.notes
FROM $.lives l
JOIN $.curve c USING (life)
LEFT JOIN LATERAL (SELECT coalesce(max(sequence) FILTER (WHERE kind = 'batch'), 0) AS batches,
                          coalesce(max(sequence) FILTER (WHERE kind = 'epoch'), 0) AS epochs
                   FROM $.heads h
                   WHERE (h.site, h.run, h.trainer, h.incarnation) = (l.site, l.run, l.trainer, l.incarnation)) h ON true
LEFT JOIN LATERAL (SELECT status, message FROM $.status s
                   WHERE (s.site, s.run, s.trainer, s.incarnation) = (l.site, l.run, l.trainer, l.incarnation)
                   ORDER BY sequence DESC LIMIT 1) last ON true
LEFT JOIN LATERAL (SELECT * FROM $.status s
                   WHERE (s.site, s.run, s.trainer, s.incarnation) = (l.site, l.run, l.trainer, l.incarnation)
                         AND NOT (ROW(@) IS NULL)
                   ORDER BY sequence DESC LIMIT 1) plan ON true)"},

    // The life of each trainer that was heard of last.
    {"trainers", R"(
SELECT DISTINCT ON (site, run, trainer) * FROM $.incarnations WHERE status IS NOT NULL OR batches + epochs > 0
ORDER BY site, run, trainer, life DESC)"},

    {"runs", R"(
SELECT site, run, count(DISTINCT trainer) AS trainers, count(*) AS incarnations, min(started) AS started,
       sum(batches)::bigint AS batches, sum(epochs)::bigint AS epochs
FROM $.incarnations WHERE status IS NOT NULL OR batches + epochs > 0 GROUP BY site, run)"},
};
#undef TRAINBUS_STEP

std::string replaced(std::string text, char mark, const std::string& with) {
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + with.size()))
    text.replace(at, 1, with);
  return text;
}

std::string plan_columns() {
  std::string names;
  for (const auto& column : record_columns(v1::KIND_STATUS))
    if (is_of_plan(column)) names.append(names.empty() ? "" : ", ").append(column.name());
  return names;
}

// Of a table of version 2 or before, whose rows had no site.
void give_site(pqxx::work& transaction, const std::string& schema, const std::string& table, const std::string& key) {
  const auto name = schema + '.' + table;
  const auto columns = transaction.exec("SELECT FROM pg_attribute WHERE attrelid = " + transaction.quote(name) +
                                        "::regclass AND attname = 'site'");
  if (!columns.empty()) return;
  transaction.exec("ALTER TABLE " + name + " ADD COLUMN site text COLLATE \"C\" NOT NULL DEFAULT '', DROP CONSTRAINT " +
                   table + "_pkey, ADD PRIMARY KEY (" + key + ')');
}

void make_tables(pqxx::work& transaction, const std::string& schema) {
  transaction.exec("CREATE TABLE IF NOT EXISTS " + schema + ".sites (" + kSites + ')');
  transaction.exec("CREATE TABLE IF NOT EXISTS " + schema + ".heads (" + kHeads + ')');
  give_site(transaction, schema, "heads", "site, run, trainer, incarnation, kind");
  for (const auto& table : record_tables()) {
    const auto name = schema + '.' + table.name;
    transaction.exec("CREATE TABLE IF NOT EXISTS " + name + " (" + table.definition() + ')');
    give_site(transaction, schema, table.name, table.key);
    for (const auto& column : table.columns)  // those that a former version had not
      transaction.exec("ALTER TABLE " + name + " ADD COLUMN IF NOT EXISTS " + column);
  }
  transaction.exec("CREATE TABLE IF NOT EXISTS " + schema + ".lives (" + kLives + ')');
  give_site(transaction, schema, "lives", "site, run, trainer, incarnation");
  transaction.exec("INSERT INTO " + schema +
                   ".lives(site, run, trainer, incarnation) SELECT DISTINCT site, run, trainer, incarnation"
                   " FROM " +
                   schema + ".heads ORDER BY incarnation ON CONFLICT DO NOTHING");
}

void make_views(pqxx::work& transaction, const std::string& schema) {
  for (auto view = std::rbegin(kViews); view != std::rend(kViews); ++view)
    transaction.exec("DROP VIEW IF EXISTS " + schema + '.' + view->name);
  for (const auto& view : kViews)
    transaction.exec("CREATE VIEW " + schema + '.' + view.name + " AS" +
                     replaced(replaced(view.query, '@', plan_columns()), '$', schema));
}

void insert_from_staging(pqxx::work& transaction, const std::string& schema, const std::string& table,
                         const std::string& columns, const std::string& on_conflict) {
  transaction.exec("INSERT INTO " + schema + '.' + table + '(' + columns + ") SELECT " + columns + " FROM " +
                   staging_table(table) + " ORDER BY site, run, trainer, incarnation, " +
                   (table == "heads" ? "kind" : "sequence") + " ON CONFLICT " + on_conflict);
}

}  // namespace

void make_schema(pqxx::work& transaction, const std::string& schema) {
  const auto name = transaction.quote(schema.substr(1, schema.size() - 2));
  // Asked of the catalogue's rows: to_regclass() may still say what was so before the lock.
  const auto is_there = [&] { return !transaction.exec("SELECT FROM pg_namespace WHERE nspname = " + name).empty(); };
  const auto is_made = [&] {
    const auto version = transaction.exec(
        "SELECT coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE nspname = " + name);
    if (version.empty()) return false;
    const auto said = version[0][0].as<std::string>();
    if (said != kVersion && said.starts_with("trainbus tables of version "))
      throw std::runtime_error("schema " + schema + " has " + said + ", this trainbus-log writes " + kVersion);
    return said == kVersion;
  };
  if (is_made()) return;
  transaction.exec("SELECT pg_advisory_xact_lock(hashtext('trainbus'))");
  if (is_made()) return;
  if (!is_there()) transaction.exec("CREATE SCHEMA " + schema);
  make_tables(transaction, schema);
  make_views(transaction, schema);
  transaction.exec("COMMENT ON SCHEMA " + schema + " IS " + transaction.quote(std::string(kVersion)));
}

void claim_site(pqxx::work& transaction, const std::string& schema, const std::string& site, const std::string& broker,
                bool adopt) {
  const auto is = "site = " + transaction.quote(site);
  transaction.exec("INSERT INTO " + schema + ".sites VALUES (" + transaction.quote(site) + ',' +
                   transaction.quote(broker) + ") ON CONFLICT DO NOTHING");
  const auto owner = transaction.exec("SELECT broker FROM " + schema + ".sites WHERE " + is)[0][0].as<std::string>();
  if (owner == broker) return;
  if (!adopt)
    throw std::runtime_error("site '" + site + "' of schema " + schema + " is that of broker " + owner.substr(0, 8) +
                             ", and this one is " + broker.substr(0, 8) +
                             ": say site=NAME, or adopt=yes where this broker replaces that one");
  transaction.exec("UPDATE " + schema + ".sites SET broker = " + transaction.quote(broker) + " WHERE " + is);
}

std::string staging_table(const std::string& table) { return "trainbus_new_" + table; }

void make_staging_table(pqxx::work& transaction, const std::string& schema, const std::string& table) {
  transaction.exec("CREATE TEMPORARY TABLE " + staging_table(table) + " (LIKE " + schema + '.' + table +
                   ") ON COMMIT DELETE ROWS");
}

void merge_rows(pqxx::work& transaction, const std::string& schema, const std::string& table,
                const std::string& columns) {
  insert_from_staging(transaction, schema, table, columns, "DO NOTHING");
}

void merge_heads(pqxx::work& transaction, const std::string& schema, const std::string& columns) {
  insert_from_staging(transaction, schema, "heads", columns,
                      "(site, run, trainer, incarnation, kind) DO UPDATE SET sequence = "
                      "greatest(heads.sequence, excluded.sequence)");
}

}  // namespace trainbus
