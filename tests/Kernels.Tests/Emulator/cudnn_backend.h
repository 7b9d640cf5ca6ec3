// cuDNN's backend API: what its descriptors hold. Types, attributes and values have the numbers of cudnn_graph.h 9.19.
#pragma once

#include "cudnn_json.h"
#include "cudnn.h"

namespace emulator::dnn
{
namespace descriptor
{
enum : int
{
    Pointwise = 0, Convolution = 1, Engine = 2, EngineConfig = 3, Heuristics = 4, Plan = 5, KnobChoice = 7, KnobInfo = 8, Forward = 10, BackwardFilter = 11,
        BackwardData = 12,
    PointwiseOperation = 13, Statistics = 14, Graph = 15, VariantPack = 16, Tensor = 17, NormWeights = 23, DeviceProperties = 38, Count = 44,
};
}

namespace value
{
enum : int
{
    Handle = 0, DataType = 1, Boolean = 2, Int64 = 3, Float = 4, Double = 5, Pointer = 6, ConvolutionMode = 7, HeuristicMode = 8, KnobType = 9,
        NanPropagation = 10, NumericalNote = 11,
    Descriptor = 15, PointwiseMode = 14, StatisticsMode = 16, BehaviorNote = 19, Reordering = 20, Int32 = 23, Char = 24,
};
}

// The statuses that the backend API gives beside those of cudnn.h.
constexpr int NotInitialized = 1001, NullPointer = 2002, MisalignedPointer = 2003, NotFinalized = 2004, Duplicated = 2009, WrongAttributeType = 2010,
    WrongDescriptorType = 2012,
              ArchMismatch = 3007;
constexpr int Float16 = 2;

struct Descriptor;
struct OperationGraph;
struct PlanState;
typedef std::shared_ptr<Descriptor> DescriptorRef;

struct Value
{
    int type = -1;
    std::int64_t count = 0;
    std::vector<unsigned char> bytes;
    std::vector<DescriptorRef> descriptors;

    std::int64_t integer(std::size_t index = 0) const;
    double real(std::size_t index = 0) const;
    std::string text() const;
};

// One engine as the heuristics offer it.
struct Choice
{
    std::int64_t engine = 0;
    std::vector<std::pair<int, std::int64_t>> knobs;
    std::vector<int> notes, behaviors;
    std::int64_t workspace = 0;
    bool has_note(int note) const;
    std::uint64_t seed() const;
};

// A GPU as a handle or a DEVICEPROP descriptor describes it.
struct Gpu
{
    std::int64_t version = 0; // 900 is compute capability 9.0
    Json properties;
};

// Holds its parts, so a program may destroy them once they are set.
struct Descriptor
{
    int type = -1;
    bool finalized = false;
    std::map<int, Value> values;
    std::shared_ptr<const OperationGraph> graph; // of a graph, an engine
    std::shared_ptr<const PlanState> plan;
    std::shared_ptr<const Gpu> gpu; // of device properties, an engine
    Choice choice;                  // of an engine or its configuration

    bool has(int attribute) const { return values.count(attribute) != 0; }
    std::int64_t integer(int attribute, std::int64_t otherwise = 0) const;
    DescriptorRef part(int attribute) const;
    void set_integers(int attribute, int type, const std::vector<std::int64_t>& numbers);
    void set_text(int attribute, const std::string& text);
    void set_parts(int attribute, std::vector<DescriptorRef> parts);
};

struct Rule
{
    int attribute;
    int type, other_type; // other_type is -1, or allowed as well
    std::int64_t least, most;
    enum Access { Optional, Required, ReadOnly } access;
    int part; // of descriptors: the type they must have; -1: an operation
};

// ---- cudnn_attributes.cpp --------------------------------------------------------------------------------------------------

// The attributes of a type of descriptor; null where the emulator has no such descriptors.
const std::vector<Rule>* rules_of(int type);
const Rule* find_rule(int type, int attribute);
std::size_t size_of(int value_type);
// Whether a number is one of an enumeration's, or may be anything.
bool is_possible(int value_type, std::int64_t number);
bool is_operation(int type);

// ---- cudnn_backend.cpp -----------------------------------------------------------------------------------------------------

// The program's mistake: noted as a complaint. The status is the real library's.
int mistake(int status, const char* call, const char* format, ...) __attribute__((format(printf, 3, 4)));
// No mistake of the program: the library has no such thing, or cannot read a plan. Says why, and complains of nothing.
int refuse(int status, const char* format, ...) __attribute__((format(printf, 2, 3)));
DescriptorRef find_descriptor(void* pointer);

// ---- cudnn_finalize.cpp ----------------------------------------------------------------------------------------------------

int finalize(Descriptor& descriptor);
}
