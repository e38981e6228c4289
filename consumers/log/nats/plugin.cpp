#include "nats_sink.hpp"

TRAINBUS_EXPORT_SINK(trainbus::NatsSink)
