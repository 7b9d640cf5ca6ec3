// Operation graphs: tensors, operations in an order in which they can run, and what kind of graph it is in the words of the recorded plans.
#pragma once

#include "cudnn_backend.h"

namespace emulator::dnn
{
struct GraphTensor
{
    std::int64_t id = 0;
    int type = -1;
    std::int64_t dimensions[4] = {}, strides[4] = {}; // N, C, H, W
    std::int64_t alignment = 1;
    bool is_virtual = false;
    int producer = -1; // the operation

    std::size_t count() const { return (std::size_t)(dimensions[0] * dimensions[1] * dimensions[2] * dimensions[3]); }
    std::size_t bytes() const { return count() * (type == Float32 ? 4 : 2); }
    bool channels_last() const;
};

struct Geometry
{
    std::int64_t stride[2], pre[2], post[2], dilation[2];
};

struct Operation
{
    int type = -1;
    std::map<int, int> tensors; // attribute to index
    int mode = 0;               // of a pointwise operation; of a convolution 1 is cross-correlation
    int precision = Float32;
    double alpha = 1, beta = 0; // of a pointwise operation: ALPHA1 and ALPHA2
    double lower = 0, upper = 1.7976931348623157e308, slope = 0;
    Geometry geometry = {};

    int at(int attribute) const
    {
        auto found = tensors.find(attribute);
        return found == tensors.end() ? -1 : found->second;
    }
    bool is_convolution() const { return type == descriptor::Forward || type == descriptor::BackwardData || type == descriptor::BackwardFilter; }
    // The tensors at the sides of a convolution, whatever its direction.
    int x() const { return at(type == descriptor::Forward ? 704 : type == descriptor::BackwardData ? 710 : 716); }
    int w() const { return at(type == descriptor::Forward ? 703 : type == descriptor::BackwardData ? 709 : 715); }
    int y() const { return at(type == descriptor::Forward ? 705 : type == descriptor::BackwardData ? 711 : 717); }
    int result() const { return type == descriptor::Forward ? y() : type == descriptor::BackwardData ? x() : w(); }
    std::vector<int> inputs() const;
    std::vector<int> outputs() const;
};

struct Shape
{
    std::int64_t n = 0, c = 0, h = 0, w = 0, k = 0, r = 0, s = 0, stride = 0, groups = 0;
    bool operator==(const Shape& other) const;
    double elements() const;
};

struct OperationGraph
{
    std::vector<GraphTensor> tensors;
    std::vector<Operation> operations;
    std::string kind; // as in the recorded plans ("data + add"); empty: the records have none of that kind
    std::string type; // bf16, fp16, fp32
    std::string why;  // the kind is empty
    Shape shape;
    bool is_plain = false;    // a convolution alone
    bool is_recorded = false; // the records' padding and dilation, and one stride for both sides
    const Operation* convolution() const;
};

// ---- cudnn_graph.cpp: from descriptors, and whether they fit together ------------------------------------------------------

int check_tensor(const Descriptor& tensor);
int check_operation(const Descriptor& operation);
int make_graph(const std::vector<DescriptorRef>& operations, std::shared_ptr<const OperationGraph>* graph);
// Sorts the operations, finds producers, and names the kind.
int complete(OperationGraph& graph);

// ---- cudnn_kinds.cpp -------------------------------------------------------------------------------------------------------

void name_kind(OperationGraph& graph);
}
