#pragma once
// Rows of the tables that the log sink `postgres` writes, back into records: the columns are record_columns().

#include <google/protobuf/message.h>

#include <string>
#include <string_view>
#include <vector>

#include "trainbus/record_columns.hpp"

namespace trainbus {

// Those of a kind that set_column() can read back: not what lists predictions, not knobs, nothing that was made.
std::vector<const Column*> readable_columns(Kind kind);

// Sets the field that the column shows from what PostgreSQL prints of it. What does not parse is left out.
void set_column(google::protobuf::Message& payload, const Column& column, std::string_view text);

// The payload of a record of this kind, to be written.
google::protobuf::Message& payload_of_kind(Kind kind, v1::MetricsRequest& message);

}  // namespace trainbus
