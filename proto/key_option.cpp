#include "trainbus/key_option.hpp"

#include <stdexcept>

#include "trainbus/bus_key.hpp"
#include "trainbus/endpoints.hpp"
#include "trainbus/port_probe.hpp"

namespace trainbus {

void add_key_option(CLI::App& app) {
  app.add_option_function<std::string>(
         "--key", [](const std::string& path) { use_key(path); },
         "the key to show the broker, also $TRAINBUS_KEY (default: the user's own, if there is one; off: none)")
      ->type_name("FILE");
}

void require_key_taken(const std::string& broker) {
  const auto control = parse_endpoints(broker).control();
  const auto problem = port_problem(control, kKeyRefusedWithin);
  if (problem.about_key) throw std::runtime_error("the broker at " + broker + ' ' + problem.text);
}

}  // namespace trainbus
