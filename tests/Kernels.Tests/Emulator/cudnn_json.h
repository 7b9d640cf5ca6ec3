// JSON as cuDNN's descriptors take and give it: plans, and the properties of a device.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace emulator::dnn
{
struct Json
{
    enum Kind { Null, Boolean, Number, Text, List, Object } kind = Null;
    // A number keeps its digits, so that what was read is written as it was.
    std::string text;
    std::vector<Json> items;
    std::vector<std::pair<std::string, Json>> members;

    static Json number(std::int64_t value);
    static Json real(double value);
    static Json string(const std::string& value);
    static Json boolean(bool value);
    static Json list(const std::int64_t* values, int count);
    static Json object();

    Json& add(const std::string& name, Json value);
    // The member of this name, or null.
    const Json* find(const std::string& name) const;
    std::int64_t integer() const;
    double real() const;
    std::string write() const;

    // False where the text is not one JSON value.
    static bool read(const std::string& text, Json* value);
};
}
