// Tensors, operations and graphs as their descriptors describe them.
#include "cudnn_graph.h"

#include <algorithm>

namespace emulator::dnn
{
namespace
{
const char* const call = "cudnnBackendFinalize";

Operation read_operation(const Descriptor& from)
{
    Operation operation;
    operation.type = from.type;
    if (operation.is_convolution())
    {
        int alpha = from.type == descriptor::Forward ? 700 : from.type == descriptor::BackwardData ? 706 : 712;
        const Descriptor& convolution = *from.part(alpha + 2);
        operation.alpha = from.values.at(alpha).real();
        operation.beta = from.values.at(alpha + 1).real();
        operation.mode = (int)convolution.integer(101);
        operation.precision = (int)convolution.integer(100);
        for (std::size_t i = 0; i < 2; i++)
        {
            operation.geometry.dilation[i] = convolution.values.at(102).integer(i);
            operation.geometry.stride[i] = convolution.values.at(103).integer(i);
            operation.geometry.post[i] = convolution.values.at(104).integer(i);
            operation.geometry.pre[i] = convolution.values.at(105).integer(i);
        }
    }
    else if (from.type == descriptor::PointwiseOperation)
    {
        const Descriptor& pointwise = *from.part(750);
        auto number = [](const Descriptor& descriptor, int attribute, double otherwise) {
            return descriptor.has(attribute) ? descriptor.values.at(attribute).real() : otherwise;
        };
        operation.mode = (int)pointwise.integer(0);
        operation.precision = (int)pointwise.integer(1);
        operation.lower = number(pointwise, 3, operation.lower);
        operation.upper = number(pointwise, 4, operation.upper);
        operation.slope = number(pointwise, 5, operation.slope);
        operation.alpha = number(from, 754, 1);
        operation.beta = number(from, 755, 1);
    }
    else
    {
        operation.precision = (int)from.integer(from.type == descriptor::Statistics ? 771 : 1620);
    }

    return operation;
}

GraphTensor read_tensor(const Descriptor& from)
{
    GraphTensor tensor;
    tensor.id = from.integer(906);
    tensor.type = (int)from.integer(901);
    tensor.alignment = from.integer(900);
    tensor.is_virtual = from.integer(907) != 0;
    for (std::size_t i = 0; i < 4; i++)
    {
        tensor.dimensions[i] = from.values.at(902).integer(i);
        tensor.strides[i] = from.values.at(903).integer(i);
    }

    return tensor;
}

bool same(const GraphTensor& a, const GraphTensor& b)
{
    return a.type == b.type && a.alignment == b.alignment && a.is_virtual == b.is_virtual && std::equal(a.dimensions, a.dimensions + 4, b.dimensions) &&
           std::equal(a.strides, a.strides + 4, b.strides);
}

std::string describe(const GraphTensor& tensor)
{
    std::string text = "[";
    for (int i = 0; i < 4; i++)
    {
        text += (i == 0 ? "" : ", ") + std::to_string(tensor.dimensions[i]);
    }

    return text + "]";
}

int check_convolution(const Operation& operation, const GraphTensor& x, const GraphTensor& w, const GraphTensor& y)
{
    const Geometry& g = operation.geometry;
    bool fits = x.dimensions[0] == y.dimensions[0] && w.dimensions[0] == y.dimensions[1] && x.dimensions[1] % w.dimensions[1] == 0 &&
                w.dimensions[0] % (x.dimensions[1] / std::max<std::int64_t>(w.dimensions[1], 1)) == 0;
    for (int i = 0; i < 2; i++)
    {
        std::int64_t span = x.dimensions[2 + i] + g.pre[i] + g.post[i] - g.dilation[i] * (w.dimensions[2 + i] - 1) - 1;
        fits = fits && span >= 0 && y.dimensions[2 + i] == span / g.stride[i] + 1;
    }

    return fits ? 0 : mistake(
        Mismatch, call, "a convolution's input %s, filter %s and output %s do not fit", describe(x).c_str(), describe(w).c_str(), describe(y).c_str());
}

int check_pointwise(const Operation& operation, const std::vector<GraphTensor>& tensors)
{
    bool backward = operation.mode >= 200 && operation.mode < 300;
    bool two = (operation.mode <= 9 && operation.mode != 4) || operation.mode == 23 || (operation.mode >= 300 && operation.mode <= 401);
    bool complete = backward ? operation.at(756) >= 0 && operation.at(757) >= 0 && (operation.at(751) >= 0) != (operation.at(753) >= 0)
                             : operation.at(751) >= 0 && operation.at(753) >= 0 && (operation.at(752) >= 0) == two && operation.at(756) < 0
                                 && operation.at(757) < 0;
    if (!complete)
    {
        return mistake(BadParam, call, "a pointwise operation of mode %d has %s", operation.mode,
                       backward ? "DX and DY and one of X and Y, and this one has not" : two
                           ? "X, B and Y, and this one has not" : "X and Y alone, and this one has not");
    }

    const GraphTensor& result = tensors[(std::size_t)operation.at(backward ? 756 : 753)];
    for (const auto& entry : operation.tensors)
    {
        const GraphTensor& operand = tensors[(std::size_t)entry.second];
        for (int i = 0; i < 4; i++)
        {
            if (operand.dimensions[i] != result.dimensions[i] && operand.dimensions[i] != 1)
            {
                return mistake(
                    Mismatch, call, "a pointwise operation's operand %s and result %s do not fit", describe(operand).c_str(), describe(result).c_str());
            }
        }
    }

    return 0;
}

// One channel's worth for each channel of a tensor.
bool is_vector_of(const GraphTensor& vector, const GraphTensor& of)
{
    return vector.dimensions[0] == 1 && vector.dimensions[1] == of.dimensions[1] && vector.dimensions[2] == 1 && vector.dimensions[3] == 1;
}

int check_channels(const Operation& operation, const std::vector<GraphTensor>& tensors, int data, int second, int first_vector, int last_vector)
{
    const GraphTensor& x = tensors[(std::size_t)operation.at(data)];
    bool fits = second < 0 || std::equal(x.dimensions, x.dimensions + 4, tensors[(std::size_t)operation.at(second)].dimensions);
    for (int attribute = first_vector; attribute <= last_vector; attribute++)
    {
        fits = fits && (attribute == data || attribute == second || is_vector_of(tensors[(std::size_t)operation.at(attribute)], x));
    }

    return fits ? 0 : mistake(Mismatch, call, "what an operation has for each channel is of shape [1, C, 1, 1] beside data %s", describe(x).c_str());
}

int check_shapes(const Operation& operation, const std::vector<GraphTensor>& tensors)
{
    return operation.is_convolution()
               ? check_convolution(operation, tensors[(std::size_t)operation.x()], tensors[(std::size_t)operation.w()], tensors[(std::size_t)operation.y()])
           : operation.type == descriptor::PointwiseOperation ? check_pointwise(operation, tensors)
           : operation.type == descriptor::Statistics         ? check_channels(operation, tensors, 772, -1, 773, 774)
                                                              : check_channels(operation, tensors, 1624, 1625, 1621, 1630);
}

// The tensors of an operation's descriptor, in the order of their attributes.
int read_tensors(const Descriptor& from, Operation* operation, std::vector<GraphTensor>* tensors)
{
    for (const auto& entry : from.values)
    {
        if (entry.second.type != value::Descriptor || entry.second.descriptors[0]->type != descriptor::Tensor)
        {
            continue;
        }

        GraphTensor tensor = read_tensor(*entry.second.descriptors[0]);
        auto known = std::find_if(tensors->begin(), tensors->end(), [&](const GraphTensor& other) { return other.id == tensor.id; });
        if (known != tensors->end() && !same(*known, tensor))
        {
            return mistake(Duplicated, call, "two different tensors have the id %lld", (long long)tensor.id);
        }

        operation->tensors[entry.first] = (int)(known - tensors->begin());
        if (known == tensors->end())
        {
            tensors->push_back(tensor);
        }
    }

    return 0;
}
}

bool GraphTensor::channels_last() const
{
    const std::int64_t c = dimensions[1], w = dimensions[3], h = dimensions[2];
    // The stride of a side of length 1 says nothing.
    return (c == 1 || strides[1] == 1) && (w == 1 || strides[3] == c) && (h == 1 || strides[2] == w * c) && (dimensions[0] == 1 || strides[0] == h * w * c);
}

std::vector<int> Operation::outputs() const
{
    if (is_convolution())
    {
        return {result()};
    }

    if (type == descriptor::PointwiseOperation)
    {
        return {at(mode >= 200 && mode < 300 ? 756 : 753)};
    }

    return type == descriptor::Statistics ? std::vector<int>{at(773), at(774)} : std::vector<int>{at(1626), at(1627), at(1628), at(1629), at(1630)};
}

std::vector<int> Operation::inputs() const
{
    std::vector<int> results = outputs(), found;
    for (const auto& entry : tensors)
    {
        if (std::find(results.begin(), results.end(), entry.second) == results.end())
        {
            found.push_back(entry.second);
        }
    }

    return found;
}

bool Shape::operator==(const Shape& o) const
{
    return n == o.n && c == o.c && h == o.h && w == o.w && k == o.k && r == o.r && s == o.s && stride == o.stride && groups == o.groups;
}

double Shape::elements() const
{
    double pixels = (double)n * (double)h * (double)w;
    return pixels * (double)c + pixels * (double)k / (double)(stride * stride) + (double)(k * r * s) * (double)c / (double)groups;
}

const Operation* OperationGraph::convolution() const
{
    for (const Operation& operation : operations)
    {
        if (operation.is_convolution())
        {
            return &operation;
        }
    }

    return nullptr;
}

int check_tensor(const Descriptor& tensor)
{
    const Value& dimensions = tensor.values.at(902);
    const Value& strides = tensor.values.at(903);
    if (dimensions.count != strides.count)
    {
        return mistake(BadParam, call, "a tensor has %lld dimensions and %lld strides", (long long)dimensions.count, (long long)strides.count);
    }

    for (std::size_t i = 0; i < (std::size_t)dimensions.count; i++)
    {
        if (dimensions.integer(i) < 1 || strides.integer(i) < 1)
        {
            return mistake(
                BadParam, call, "a tensor's dimension %zu is %lld with stride %lld", i, (long long)dimensions.integer(i), (long long)strides.integer(i));
        }
    }

    std::int64_t alignment = tensor.integer(900);
    if (alignment < 1 || (alignment & (alignment - 1)) != 0)
    {
        return mistake(BadParam, call, "a tensor's alignment of %lld bytes is no power of two", (long long)alignment);
    }

    int type = (int)tensor.integer(901);
    if (dimensions.count != 4 || (type != Float32 && type != Float16 && type != BFloat16) || tensor.integer(904, 1) != 1 || tensor.integer(908) != 0)
    {
        return refuse(Unsupported, "the emulator knows tensors of four dimensions in FLOAT, HALF and BFLOAT16, in device memory");
    }

    return 0;
}

int check_operation(const Descriptor& from)
{
    Operation operation = read_operation(from);
    std::vector<GraphTensor> tensors;
    int status = read_tensors(from, &operation, &tensors);
    return status != 0 ? status : check_shapes(operation, tensors);
}

int complete(OperationGraph& graph)
{
    std::vector<int> missing(graph.operations.size(), 0);
    for (const Operation& operation : graph.operations)
    {
        int status = check_shapes(operation, graph.tensors);
        if (status != 0)
        {
            return status;
        }
    }

    for (std::size_t i = 0; i < graph.operations.size(); i++)
    {
        for (int output : graph.operations[i].outputs())
        {
            GraphTensor& tensor = graph.tensors[(std::size_t)output];
            if (tensor.producer >= 0)
            {
                return mistake(BadParam, call, "two operations write the tensor with the id %lld", (long long)tensor.id);
            }

            tensor.producer = (int)i;
        }
    }

    std::vector<std::vector<std::size_t>> readers(graph.operations.size());
    std::vector<bool> read(graph.tensors.size(), false);
    for (std::size_t i = 0; i < graph.operations.size(); i++)
    {
        for (int input : graph.operations[i].inputs())
        {
            const GraphTensor& tensor = graph.tensors[(std::size_t)input];
            read[(std::size_t)input] = true;
            if (tensor.is_virtual && tensor.producer < 0)
            {
                return mistake(BadParam, call, "the tensor with the id %lld is virtual, but no operation of the graph writes it", (long long)tensor.id);
            }

            if (tensor.producer >= 0)
            {
                readers[(std::size_t)tensor.producer].push_back(i);
                missing[i]++;
            }
        }
    }

    for (std::size_t i = 0; i < graph.tensors.size(); i++)
    {
        if (graph.tensors[i].is_virtual && !read[i])
        {
            return mistake(BadParam, call, "the tensor with the id %lld is virtual, but no operation of the graph reads it", (long long)graph.tensors[i].id);
        }
    }

    // The order in which the real library writes a graph's operations: each as soon as all that it reads is there, the newest one's readers first.
    std::vector<std::size_t> order, stack;
    for (std::size_t i = 0; i < missing.size(); i++)
    {
        if (missing[i] == 0)
        {
            order.push_back(i);
            stack.push_back(i);
        }
    }

    while (!stack.empty())
    {
        std::size_t done = stack.back();
        stack.pop_back();
        for (std::size_t reader : readers[done])
        {
            if (--missing[reader] == 0)
            {
                order.push_back(reader);
                stack.push_back(reader);
            }
        }
    }

    if (order.size() != graph.operations.size())
    {
        return mistake(BadParam, call, "the operations of a graph wait for each other");
    }

    std::vector<Operation> sorted;
    for (std::size_t i = 0; i < order.size(); i++)
    {
        sorted.push_back(graph.operations[order[i]]);
        for (int output : sorted.back().outputs())
        {
            graph.tensors[(std::size_t)output].producer = (int)i;
        }
    }

    graph.operations = std::move(sorted);
    std::vector<int> places(graph.tensors.size());
    std::vector<std::size_t> by_id(graph.tensors.size());
    for (std::size_t i = 0; i < by_id.size(); i++)
    {
        by_id[i] = i;
    }

    std::sort(by_id.begin(), by_id.end(), [&](std::size_t a, std::size_t b) { return graph.tensors[a].id < graph.tensors[b].id; });
    std::vector<GraphTensor> tensors;
    for (std::size_t i = 0; i < by_id.size(); i++)
    {
        tensors.push_back(graph.tensors[by_id[i]]);
        places[by_id[i]] = (int)i;
    }

    graph.tensors = std::move(tensors);
    for (Operation& operation : graph.operations)
    {
        for (auto& entry : operation.tensors)
        {
            entry.second = places[(std::size_t)entry.second];
        }
    }

    name_kind(graph);
    return 0;
}

int make_graph(const std::vector<DescriptorRef>& operations, std::shared_ptr<const OperationGraph>* made)
{
    auto graph = std::make_shared<OperationGraph>();
    for (const DescriptorRef& from : operations)
    {
        Operation operation = read_operation(*from);
        int status = read_tensors(*from, &operation, &graph->tensors);
        if (status != 0)
        {
            return status;
        }

        graph->operations.push_back(operation);
    }

    int status = complete(*graph);
    *made = graph;
    return status;
}
}
