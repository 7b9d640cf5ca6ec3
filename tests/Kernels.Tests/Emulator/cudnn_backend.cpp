// The backend's entry points: descriptors are made, described, finalized, asked, and destroyed.
#include "cudnn_backend.h"

#include <cstdarg>
#include <cstdio>

using namespace emulator;
using namespace emulator::dnn;

namespace emulator::dnn
{
namespace
{
std::map<void*, DescriptorRef> descriptors;

std::size_t live() { return descriptors.size() + handles.size() + tensors.size() + live_convolution_descriptors(); }

void forget()
{
    descriptors.clear();
    handles.clear();
    tensors.clear();
    forget_convolution_descriptors();
}

// Handles and descriptors count as leaked like the driver's, and are forgotten with them.
struct Registration
{
    Registration() { register_library(live, forget); }
    ~Registration() { forget_library(live); }
} registration;

const char* type_name(int type)
{
    static const char* const names[] = {"POINTWISE", "CONVOLUTION", "ENGINE", "ENGINECFG", "ENGINEHEUR", "EXECUTION_PLAN", "INTERMEDIATE_INFO", "KNOB_CHOICE",
        "KNOB_INFO", "LAYOUT_INFO",
                                        "OPERATION_CONVOLUTION_FORWARD", "OPERATION_CONVOLUTION_BACKWARD_FILTER", "OPERATION_CONVOLUTION_BACKWARD_DATA",
                                        "OPERATION_POINTWISE",
                                        "OPERATION_GEN_STATS", "OPERATIONGRAPH", "VARIANT_PACK", "TENSOR"};
    return type >= 0 && type <= descriptor::Tensor ? names[type] : type == descriptor::NormWeights
        ? "OPERATION_BN_BWD_WEIGHTS" : type == descriptor::DeviceProperties ? "DEVICEPROP" : "other";
}

int check_elements(const Descriptor& target, const Rule& rule, int type, std::int64_t count, const void* elements)
{
    const char* call = "cudnnBackendSetAttribute";
    for (std::int64_t i = 0; i < count; i++)
    {
        if (type == value::Descriptor)
        {
            DescriptorRef part = find_descriptor(((void* const*)elements)[i]);
            if (part == nullptr)
            {
                return mistake(((void* const*)elements)[i] == nullptr
                    ? NullPointer : BadParam, call, "attribute %d of %s: element %lld is no descriptor, or one that was destroyed",
                               rule.attribute, type_name(target.type), (long long)i);
            }

            if (rule.part == -1 ? !is_operation(part->type) : part->type != rule.part)
            {
                return mistake(WrongDescriptorType, call, "attribute %d of %s takes %s, not %s", rule.attribute, type_name(target.type), rule.part == -1
                    ? "operations" : type_name(rule.part),
                               type_name(part->type));
            }

            if (!part->finalized)
            {
                return mistake(
                    NotFinalized, call, "attribute %d of %s: the %s was not finalized", rule.attribute, type_name(target.type), type_name(part->type));
            }
        }
        else if (type == value::Handle)
        {
            if (handles.count(((Handle* const*)elements)[i]) == 0)
            {
                return mistake(BadParam, call, "attribute %d of %s: no such handle, or one that was destroyed", rule.attribute, type_name(target.type));
            }
        }
        else if (size_of(type) <= 4 && type != value::Float && type != value::Char && type != value::Int32)
        {
            std::int64_t number = size_of(type) == 1 ? (std::int64_t)((const unsigned char*)elements)[i] : (std::int64_t)((const int*)elements)[i];
            if (!is_possible(type, number))
            {
                return mistake(
                    BadParam, call, "attribute %d of %s: %lld is no value of attribute type %d", rule.attribute, type_name(target.type), (long long)number,
                    type);
            }
        }
    }

    return 0;
}
}

std::int64_t Value::integer(std::size_t index) const
{
    const unsigned char* at = bytes.data() + index * size_of(type);
    switch (size_of(type))
    {
    case 1: return *at;
    case 4: return *(const int*)at;
    default: return *(const std::int64_t*)at;
    }
}

double Value::real(std::size_t index) const { return type == value::Float ? ((const float*)bytes.data())[index] : ((const double*)bytes.data())[index]; }

std::string Value::text() const
{
    std::string text(bytes.begin(), bytes.end());
    return text.substr(0, text.find('\0'));
}

std::int64_t Descriptor::integer(int attribute, std::int64_t otherwise) const
{
    auto found = values.find(attribute);
    return found == values.end() ? otherwise : found->second.integer();
}

DescriptorRef Descriptor::part(int attribute) const
{
    auto found = values.find(attribute);
    return found == values.end() || found->second.descriptors.empty() ? nullptr : found->second.descriptors[0];
}

void Descriptor::set_integers(int attribute, int type, const std::vector<std::int64_t>& numbers)
{
    Value& target = values[attribute];
    target = Value();
    target.type = type;
    target.count = (std::int64_t)numbers.size();
    target.bytes.resize(numbers.size() * size_of(type));
    for (std::size_t i = 0; i < numbers.size(); i++)
    {
        std::memcpy(target.bytes.data() + i * size_of(type), &numbers[i], size_of(type)); // little-endian
    }
}

void Descriptor::set_text(int attribute, const std::string& text)
{
    Value& target = values[attribute];
    target = Value();
    target.type = value::Char;
    target.count = (std::int64_t)text.size() + 1;
    target.bytes.assign(text.c_str(), text.c_str() + text.size() + 1);
}

void Descriptor::set_parts(int attribute, std::vector<DescriptorRef> parts)
{
    Value& target = values[attribute];
    target = Value();
    target.type = value::Descriptor;
    target.count = (std::int64_t)parts.size();
    target.descriptors = std::move(parts);
}

DescriptorRef find_descriptor(void* pointer)
{
    auto found = descriptors.find(pointer);
    return found == descriptors.end() ? nullptr : found->second;
}

int mistake(int status, const char* call, const char* format, ...)
{
    char text[700];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return bad(status, BadDescriptor, call, text);
}

int refuse(int status, const char* format, ...)
{
    char text[700];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    set_message("%s", text);
    return status;
}
}

EMU_EXPORT int cudnnBackendCreateDescriptor(int type, void** made)
{
    EMU_ENTER;
    if (made == nullptr)
    {
        return mistake(NullPointer, "cudnnBackendCreateDescriptor", "there is no place for the descriptor");
    }

    *made = nullptr;
    if (type < 0 || type >= descriptor::Count)
    {
        return mistake(BadParam, "cudnnBackendCreateDescriptor", "there is no descriptor type %d", type);
    }

    if (rules_of(type) == nullptr)
    {
        return refuse(Unsupported, "the emulator has no descriptors of type %d", type);
    }

    DescriptorRef descriptor = std::make_shared<Descriptor>();
    descriptor->type = type;
    *made = descriptor.get();
    descriptors[*made] = descriptor;
    return 0;
}

EMU_EXPORT int cudnnBackendDestroyDescriptor(void* pointer)
{
    EMU_ENTER;
    return descriptors.erase(pointer) != 0 ? 0 : bad(BadParam, BadHandle, "cudnnBackendDestroyDescriptor", "it does not exist or was destroyed before");
}

// Makes a descriptor as new.
EMU_EXPORT int cudnnBackendInitialize(void* pointer)
{
    EMU_ENTER;
    DescriptorRef descriptor = find_descriptor(pointer);
    if (descriptor == nullptr)
    {
        return bad(pointer == nullptr ? NullPointer : BadParam, BadHandle, "cudnnBackendInitialize", "the descriptor does not exist or was destroyed");
    }

    int type = descriptor->type;
    *descriptor = Descriptor();
    descriptor->type = type;
    return 0;
}

EMU_EXPORT int cudnnBackendSetAttribute(void* pointer, int attribute, int type, std::int64_t count, const void* elements)
{
    EMU_ENTER;
    const char* call = "cudnnBackendSetAttribute";
    DescriptorRef descriptor = find_descriptor(pointer);
    if (descriptor == nullptr)
    {
        return bad(pointer == nullptr ? NullPointer : BadParam, BadHandle, call, "the descriptor does not exist or was destroyed");
    }

    const char* name = type_name(descriptor->type);
    if (descriptor->finalized)
    {
        return mistake(NotInitialized, call, "attribute %d: the %s is finalized, so nothing can be set any more", attribute, name);
    }

    const Rule* rule = find_rule(descriptor->type, attribute);
    if (rule == nullptr || rule->access == Rule::ReadOnly)
    {
        return mistake(BadParam, call, "%s has no attribute %d that can be set", name, attribute);
    }

    if (type != rule->type && type != rule->other_type)
    {
        return mistake(WrongAttributeType, call, "attribute %d of %s has attribute type %d, not %d", attribute, name, rule->type, type);
    }

    if (count < rule->least || count > rule->most)
    {
        return mistake(
            BadParam, call, "attribute %d of %s takes %lld to %lld elements, not %lld", attribute, name, (long long)rule->least, (long long)rule->most,
            (long long)count);
    }

    if (elements == nullptr && count > 0)
    {
        return mistake(NullPointer, call, "attribute %d of %s: there are no elements", attribute, name);
    }

    int status = check_elements(*descriptor, *rule, type, count, elements);
    if (status != 0)
    {
        return status;
    }

    Value& target = descriptor->values[attribute];
    target = Value();
    target.type = type;
    target.count = count;
    if (type == value::Descriptor)
    {
        for (std::int64_t i = 0; i < count; i++)
        {
            target.descriptors.push_back(find_descriptor(((void* const*)elements)[i]));
        }
    }
    else
    {
        const unsigned char* bytes = (const unsigned char*)elements;
        target.bytes.assign(bytes, bytes + (std::size_t)count * size_of(type));
    }

    return 0;
}

// The count is that of all elements, however many were asked for. Descriptors are filled into those that the program made for them.
EMU_EXPORT int cudnnBackendGetAttribute(void* pointer, int attribute, int type, std::int64_t requested, std::int64_t* count, void* elements)
{
    EMU_ENTER;
    const char* call = "cudnnBackendGetAttribute";
    DescriptorRef descriptor = find_descriptor(pointer);
    if (descriptor == nullptr)
    {
        return bad(pointer == nullptr ? NullPointer : BadParam, BadHandle, call, "the descriptor does not exist or was destroyed");
    }

    const char* name = type_name(descriptor->type);
    if (!descriptor->finalized)
    {
        return mistake(NotInitialized, call, "attribute %d: the %s was not finalized", attribute, name);
    }

    const Rule* rule = find_rule(descriptor->type, attribute);
    if (rule == nullptr)
    {
        return mistake(BadParam, call, "%s has no attribute %d", name, attribute);
    }

    auto found = descriptor->values.find(attribute);
    if (type != (found == descriptor->values.end() ? rule->type : found->second.type))
    {
        return mistake(WrongAttributeType, call, "attribute %d of %s has attribute type %d, not %d", attribute, name, rule->type, type);
    }

    if (requested < 0 || (requested > 0 && elements == nullptr))
    {
        return mistake(
            requested < 0 ? BadParam : NullPointer, call, "attribute %d of %s: there is no room for %lld elements", attribute, name, (long long)requested);
    }

    if (found == descriptor->values.end())
    {
        if (descriptor->type == descriptor::Plan && attribute == 405)
        {
            return refuse(Unsupported, "a plan of an engine that is compiled at run time has no JSON");
        }

        if (count != nullptr)
        {
            *count = 0;
        }

        return 0;
    }

    const Value& source = found->second;
    std::int64_t copied = std::min(requested, source.count);
    if (count != nullptr)
    {
        *count = source.count;
    }

    for (std::int64_t i = 0; i < copied && type == value::Descriptor; i++)
    {
        DescriptorRef target = find_descriptor(((void**)elements)[i]);
        if (target == nullptr || target->type != source.descriptors[(std::size_t)i]->type)
        {
            return mistake(target == nullptr ? BadParam
                : WrongDescriptorType, call, "attribute %d of %s is filled into descriptors of type %d that the program makes first; element %lld is none",
                           attribute, name, source.descriptors[(std::size_t)i]->type, (long long)i);
        }

        *target = *source.descriptors[(std::size_t)i];
    }

    if (type != value::Descriptor && copied > 0)
    {
        std::memcpy(elements, source.bytes.data(), (std::size_t)copied * size_of(type));
    }

    return 0;
}

EMU_EXPORT int cudnnBackendFinalize(void* pointer)
{
    EMU_ENTER;
    const char* call = "cudnnBackendFinalize";
    DescriptorRef descriptor = find_descriptor(pointer);
    if (descriptor == nullptr)
    {
        return bad(pointer == nullptr ? NullPointer : BadParam, BadHandle, call, "the descriptor does not exist or was destroyed");
    }

    if (descriptor->finalized)
    {
        return mistake(BadParam, call, "the %s is finalized already", type_name(descriptor->type));
    }

    for (const Rule& rule : *rules_of(descriptor->type))
    {
        if (rule.access == Rule::Required && !descriptor->has(rule.attribute))
        {
            return mistake(BadParam, call, "the %s lacks attribute %d", type_name(descriptor->type), rule.attribute);
        }
    }

    int status = finalize(*descriptor);
    descriptor->finalized = status == 0;
    return status;
}
