// For a build without libpq.

#include <stdexcept>

#include "history.hpp"

namespace trainbus {

std::unique_ptr<History> open_history(const HistoryPlace&) {
  throw std::invalid_argument("--history: this trainbus-dashboard was built without PostgreSQL");
}

}  // namespace trainbus
