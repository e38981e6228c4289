#include "history.hpp"

#include <stdexcept>

namespace trainbus {

std::string parse_history(const std::string& text, HistoryPlace place) {
  const std::string prefix = "postgres:";
  if (!text.starts_with(prefix) || text.size() == prefix.size())
    throw std::invalid_argument(
        "--history: must look like postgres:postgresql://user@host/database, or postgres: and conninfo");
  if (!place.site.empty() && !valid_name(place.site))
    throw std::invalid_argument("--history-site '" + place.site + "': is not [A-Za-z0-9._-]{1,64}");
  place.database = text.substr(prefix.size());
  open_history(place);
  return place.database;
}

}  // namespace trainbus
