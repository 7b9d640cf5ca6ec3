// A reader and a writer of JSON.
#include "cudnn_json.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace emulator::dnn
{
namespace
{
struct Reader
{
    const char* at;
    const char* end;
    int depth = 0;

    void skip()
    {
        while (at < end && std::strchr(" \t\r\n", *at) != nullptr && *at != 0)
        {
            at++;
        }
    }

    bool next_is(char expected)
    {
        skip();
        return at < end && *at == expected;
    }

    bool eat(char expected)
    {
        bool found = next_is(expected);
        at += found;
        return found;
    }

    bool word(const char* text)
    {
        std::size_t length = std::strlen(text);
        bool found = (std::size_t)(end - at) >= length && std::memcmp(at, text, length) == 0;
        at += found ? length : 0;
        return found;
    }

    bool string(std::string* text)
    {
        if (!eat('"'))
        {
            return false;
        }

        while (at < end && *at != '"')
        {
            if (*at == '\\')
            {
                static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
                if (++at == end)
                {
                    return false;
                }

                const char* found = nullptr;
                for (const char* pair = escapes; *pair != 0; pair += 2)
                {
                    found = *pair == *at ? pair + 1 : found;
                }

                if (found == nullptr)
                {
                    return false; // \u is in none of cuDNN's texts
                }

                text->push_back(*found);
                at++;
            }
            else
            {
                text->push_back(*at++);
            }
        }

        return eat('"');
    }

    bool value(Json* result)
    {
        skip();
        if (at == end || ++depth > 50)
        {
            return false;
        }

        bool valid = false;
        switch (*at)
        {
        case '{': valid = object(result); break;
        case '[': valid = list(result); break;
        case '"':
            result->kind = Json::Text;
            valid = string(&result->text);
            break;
        case 't':
        case 'f':
            result->kind = Json::Boolean;
            result->text = *at == 't' ? "true" : "false";
            valid = word(result->text.c_str());
            break;
        case 'n': valid = word("null"); break;
        default:
        {
            char* rest = nullptr;
            std::string digits(at, (std::size_t)std::min<std::ptrdiff_t>(end - at, 40));
            std::strtod(digits.c_str(), &rest);
            std::size_t length = (std::size_t)(rest - digits.c_str());
            result->kind = Json::Number;
            result->text = digits.substr(0, length);
            at += length;
            valid = length > 0;
        }
        }

        depth--;
        return valid;
    }

    bool list(Json* result)
    {
        result->kind = Json::List;
        eat('[');
        if (eat(']'))
        {
            return true;
        }

        do
        {
            result->items.emplace_back();
            if (!value(&result->items.back()))
            {
                return false;
            }
        } while (eat(','));
        return eat(']');
    }

    bool object(Json* result)
    {
        result->kind = Json::Object;
        eat('{');
        if (eat('}'))
        {
            return true;
        }

        do
        {
            std::string name;
            Json member;
            if (!string(&name) || !eat(':') || !value(&member))
            {
                return false;
            }

            result->members.emplace_back(std::move(name), std::move(member));
        } while (eat(','));
        return eat('}');
    }
};

void write_text(const std::string& text, std::string* output)
{
    output->push_back('"');
    for (char c : text)
    {
        if (c == '"' || c == '\\')
        {
            output->push_back('\\');
        }

        output->push_back(c);
    }

    output->push_back('"');
}

void write_value(const Json& value, std::string* output)
{
    if (value.kind == Json::Text)
    {
        write_text(value.text, output);
    }
    else if (value.kind == Json::List || value.kind == Json::Object)
    {
        bool list = value.kind == Json::List;
        std::size_t count = list ? value.items.size() : value.members.size();
        output->push_back(list ? '[' : '{');
        for (std::size_t i = 0; i < count; i++)
        {
            *output += i == 0 ? "" : ",";
            if (!list)
            {
                write_text(value.members[i].first, output);
                output->push_back(':');
            }

            write_value(list ? value.items[i] : value.members[i].second, output);
        }

        output->push_back(list ? ']' : '}');
    }
    else
    {
        *output += value.kind == Json::Null ? "null" : value.text;
    }
}
}

Json Json::number(std::int64_t value)
{
    Json json;
    json.kind = Number;
    json.text = std::to_string(value);
    return json;
}

Json Json::real(double value)
{
    char text[40];
    // The shortest that is read back as the same value.
    for (int digits = 1; digits <= 17; digits++)
    {
        std::snprintf(text, sizeof text, "%.*g", digits, value);
        if (std::strtod(text, nullptr) == value)
        {
            break;
        }
    }

    Json json;
    json.kind = Number;
    json.text = text;
    json.text += std::strpbrk(text, ".en") == nullptr ? ".0" : "";
    return json;
}

Json Json::string(const std::string& value)
{
    Json json;
    json.kind = Text;
    json.text = value;
    return json;
}

Json Json::boolean(bool value)
{
    Json json;
    json.kind = Boolean;
    json.text = value ? "true" : "false";
    return json;
}

Json Json::list(const std::int64_t* values, int count)
{
    Json json;
    json.kind = List;
    for (int i = 0; i < count; i++)
    {
        json.items.push_back(number(values[i]));
    }

    return json;
}

Json Json::object()
{
    Json json;
    json.kind = Object;
    return json;
}

Json& Json::add(const std::string& name, Json value)
{
    members.emplace_back(name, std::move(value));
    return *this;
}

const Json* Json::find(const std::string& name) const
{
    for (const auto& member : members)
    {
        if (member.first == name)
        {
            return &member.second;
        }
    }

    return nullptr;
}

std::int64_t Json::integer() const { return kind == Number ? std::strtoll(text.c_str(), nullptr, 10) : 0; }

double Json::real() const { return kind == Number ? std::strtod(text.c_str(), nullptr) : 0; }

std::string Json::write() const
{
    std::string output;
    write_value(*this, &output);
    return output;
}

bool Json::read(const std::string& text, Json* value)
{
    Reader reader{text.data(), text.data() + text.size()};
    *value = Json();
    bool valid = reader.value(value);
    reader.skip();
    return valid && reader.at == reader.end;
}
}
