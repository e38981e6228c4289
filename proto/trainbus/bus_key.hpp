#pragma once
// The key that this process shows the broker. Without one its sockets are plain, which a broker with keys refuses.

#include <optional>
#include <string>
#include <zmq.hpp>

#include "trainbus/key_file.hpp"

namespace trainbus {

// The name that switches keys off: --key off, TRAINBUS_KEY=off.
inline constexpr char kNoKey[] = "off";

// $XDG_CONFIG_HOME/trainbus, else ~/.config/trainbus: where `trainbus-keys init` puts the keys of this user. Empty when
// neither is an absolute path.
std::string keys_folder();
// The user's own key in such a folder, and the broker's.
std::string own_key_path(const std::string& folder);
std::string broker_key_path(const std::string& folder);
// Something has this name, be it a link that leads nowhere.
bool is_there(const std::string& path);

// Says which file has the key of this process, before sockets are opened. kNoKey: none.
void use_key(const std::string& path);

// The key of this process: the file of use_key(), else of $TRAINBUS_KEY, else the user's own, if there is one. Read
// anew at each call. Throws std::invalid_argument with one line about a file that cannot be used. Any thread.
std::optional<KeyFile> process_key();
// The same, with `path` before all others where it is not empty.
std::optional<KeyFile> chosen_key(const std::string& path);

// Makes the client of a socket that is not connected yet: encrypted, and known to the broker by this key.
void apply_key(zmq::socket_t& socket, const KeyFile& key);

}  // namespace trainbus
