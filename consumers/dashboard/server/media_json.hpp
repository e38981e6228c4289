#pragma once
// Media as JSON text, as README.md describes them. Each function appends one value.

#include <string>

#include "media_store.hpp"
#include "placement.hpp"

namespace trainbus {

// {"id","incarnation","step","timestamp_ms"}: without the content. `step` is on the line of all incarnations.
void append_media_entry(std::string& out, const MediaRecord& record, const Placement& placement);
// [{"name","type","left_out","records":[ENTRY…]}…], by name.
void append_media_list(std::string& out, const MediaStore& media, const Placement& placement);
// The ENTRY with "name", "type" and the content: "text", "images" (captions and sizes), "edges" and "counts", or
// "columns", "rows" and "values".
void append_media(std::string& out, const MediaRecord& record, const Placement& placement);

}  // namespace trainbus
