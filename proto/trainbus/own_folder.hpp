#pragma once
// Folders and files that only their user may read: what a program keeps of trainings is not for everybody on the host.

#include <string>

namespace trainbus {

// Makes the folder and what is missing above it, for this user alone (0700). An existing folder of this user that
// others could open is closed to them. Returns one sentence when that was done, else an empty string. Throws
// std::system_error with one line when it cannot be made or is no folder.
std::string make_own_folder(const std::string& path);

// Throws std::runtime_error with one line when this is root and the folder is another user's, such as a service's: that
// could not read what root makes there. Nothing where there is no such folder.
void refuse_root_in(const std::string& folder);

// Closes a file of this user to others (0600). True when it was open to them. False also when it is not there.
bool make_own_file(const std::string& path);

}  // namespace trainbus
