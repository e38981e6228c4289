#pragma once
// How many connections there are: a ticket per connection, given back when the connection is gone.
// Tickets may outlive the count. Single-threaded.

#include <cstddef>
#include <memory>

namespace trainbus {

using ConnectionTicket = std::shared_ptr<const void>;

class ConnectionCount {
 public:
  ConnectionTicket take() const { return ConnectionTicket(tickets_, tickets_.get()); }
  std::size_t current() const { return static_cast<std::size_t>(tickets_.use_count()) - 1; }

 private:
  std::shared_ptr<int> tickets_ = std::make_shared<int>(0);
};

}  // namespace trainbus
