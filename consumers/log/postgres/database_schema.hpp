#pragma once
// The statements on the database: what is made once, and how what waits in a staging table becomes rows.

#include <pqxx/pqxx>
#include <string>

namespace trainbus {

// `schema` is a quoted name throughout. Makes the schema, its tables and views, unless they are there: then a user who
// may only read and insert is enough. Writers that start at once wait for each other.
void make_schema(pqxx::work& transaction, const std::string& schema);

// Notes that this broker writes the site. Throws std::runtime_error with one line when another one does; `adopt`: it
// takes that one's place.
void claim_site(pqxx::work& transaction, const std::string& schema, const std::string& site, const std::string& broker,
                bool adopt);

// The temporary table of this connection in front of `table`; empty after each transaction.
std::string staging_table(const std::string& table);
void make_staging_table(pqxx::work& transaction, const std::string& schema, const std::string& table);

// From the staging table: rows whose key is there already stay as they are.
void merge_rows(pqxx::work& transaction, const std::string& schema, const std::string& table,
                const std::string& columns);
// The same for the heads, which only ever grow.
void merge_heads(pqxx::work& transaction, const std::string& schema, const std::string& columns);

}  // namespace trainbus
