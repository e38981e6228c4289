#include "postgres_sink.hpp"

TRAINBUS_EXPORT_SINK(trainbus::PostgresSink)
