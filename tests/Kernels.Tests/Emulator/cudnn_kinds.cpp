// What kind of graph the records would call this one, and of which type and shape. Anything else has no name, and no plan.
#include "cudnn_graph.h"

#include <algorithm>

namespace emulator::dnn
{
namespace
{
constexpr int Add = 0, Multiply = 1, Subtract = 9, Relu = 100, ReluBackward = 200;

// The norm's input, normalized and scaled: (x - mean) * inverse deviation * scale + bias.
const std::string Norm = "add(mul(mul(sub(t,v),v),v),v)", Scaled = "add(mul(t,v),v)";

class Recognition
{
public:
    explicit Recognition(OperationGraph& of) : graph(of), used(of.operations.size(), false) {}

    void run()
    {
        const Operation* found = nullptr;
        for (const Operation& operation : graph.operations)
        {
            if (operation.is_convolution())
            {
                require(found == nullptr, "it has two convolutions");
                found = &operation;
            }
        }

        if (found == nullptr)
        {
            require(false, "it has no convolution");
            return;
        }

        convolution = found;
        describe();
        std::string kind = found->type == descriptor::Forward ? forward() : found->type == descriptor::BackwardData ? data() : filter();
        require(!kind.empty(), "the records have no such pattern of operations");
        require(std::find(used.begin(), used.end(), false) == used.end(), "an operation does not belong to the pattern");
        graph.is_plain = graph.operations.size() == 1;
        for (const Operation& operation : graph.operations)
        {
            require(operation.precision == Float32, "an operation does not compute in FLOAT");
        }

        require(graph.is_plain || (found->alpha == 1 && found->beta == 0), "a fused convolution has ALPHA 1 and BETA 0");
        for (const GraphTensor& one : graph.tensors)
        {
            require(one.channels_last(), "a tensor is not laid out with its channels last");
            require(one.count() < (1ull << 31), "a tensor has 2^31 elements or more");
        }

        graph.kind = why.empty() ? kind : "";
        graph.why = why;
    }

private:
    const GraphTensor& tensor(int index) const { return graph.tensors[(std::size_t)index]; }

    void require(bool holds, const char* otherwise)
    {
        if (!holds && why.empty())
        {
            why = otherwise;
        }
    }

    void require_type(int index, int type, const char* otherwise) { require(tensor(index).type == type, otherwise); }

    void describe()
    {
        const GraphTensor &x = tensor(convolution->x()), &w = tensor(convolution->w());
        const Geometry& g = convolution->geometry;
        io = w.type;
        graph.type = io == BFloat16 ? "bf16" : io == Float16 ? "fp16" : "fp32";
        graph.shape = {x.dimensions[0], x.dimensions[1], x.dimensions[2], x.dimensions[3], w.dimensions[0], w.dimensions[2], w.dimensions[3], g.stride[0],
            x.dimensions[1] / w.dimensions[1]};
        graph.is_recorded = g.stride[0] == g.stride[1];
        for (int i = 0; i < 2; i++)
        {
            std::int64_t half = w.dimensions[2 + i] / 2;
            graph.is_recorded = graph.is_recorded && g.dilation[i] == 1 && g.pre[i] == half && g.post[i] == half;
        }

        require(convolution->mode == 1, "it is no cross-correlation");
        require(convolution->type == descriptor::BackwardFilter || w.producer < 0, "the filter is computed");
    }

    int index_of(const Operation& operation) const { return (int)(&operation - graph.operations.data()); }

    // A tensor as an expression: t is one of the data's size in memory, v one of its channels, conv the convolution's result. What is computed on the way and
    // also written to memory has a "!" behind it; the type of virtual tensors must be as given.
    std::string expression(int index, int vectors, int virtuals, bool last = false)
    {
        const GraphTensor& one = tensor(index);
        if (one.producer < 0)
        {
            // A convolution's own operand is data, though it be of one pixel.
            bool vector = index != convolution->x() && index != convolution->y() && one.dimensions[0] == 1 && one.dimensions[2] == 1 && one.dimensions[3] == 1;
            require_type(
                index, vector ? vectors : io,
                vector ? "a scale, bias or statistic has not the type that the records have" : "a tensor has not the convolution's type");
            return vector ? "v" : "t";
        }

        const Operation& operation = graph.operations[(std::size_t)one.producer];
        used[(std::size_t)one.producer] = true;
        require_type(
            index, one.is_virtual ? virtuals : io,
            one.is_virtual ? "a virtual tensor has not the type that the records have" : "an output has not the convolution's type");
        std::string text;
        if (operation.is_convolution())
        {
            text = "conv";
        }
        else if (operation.type != descriptor::PointwiseOperation || operation.alpha != 1 || operation.beta != 1 || operation.lower != 0
            || operation.slope != 0 || operation.upper < 1e38)
        {
            return "?";
        }
        else if (operation.mode == Add || operation.mode == Multiply || operation.mode == Subtract)
        {
            std::string a = expression(operation.at(751), vectors, virtuals), b = expression(operation.at(752), vectors, virtuals);
            if (operation.mode != Subtract && b < a)
            {
                std::swap(a, b);
            }

            text = std::string(operation.mode == Add ? "add(" : operation.mode == Multiply ? "mul(" : "sub(") + a + "," + b + ")";
        }
        else if (operation.mode == Relu)
        {
            text = "relu(" + expression(operation.at(751), vectors, virtuals) + ")";
        }
        else
        {
            return "?";
        }

        return text + (one.is_virtual || last ? "" : "!");
    }

    // The statistics of the convolution's output, if the graph has them.
    bool statistics(int of)
    {
        for (std::size_t i = 0; i < graph.operations.size(); i++)
        {
            const Operation& operation = graph.operations[i];
            if (operation.type == descriptor::Statistics && operation.at(772) == of && !used[i])
            {
                used[i] = true;
                require_type(operation.at(773), Float32, "statistics are FLOAT");
                require_type(operation.at(774), Float32, "statistics are FLOAT");
                return true;
            }
        }

        return false;
    }

    std::string forward()
    {
        int y = convolution->y();
        std::string input = expression(convolution->x(), io, Float32);
        used[(std::size_t)index_of(*convolution)] = true;
        if (!tensor(y).is_virtual)
        {
            require_type(y, io, "the output has not the type of the input");
            std::string prologue = prologue_name(input);
            bool counted = statistics(y);
            return prologue == "?" ? "" : prologue.empty() ? counted ? "forward -> genstats" : "forward" : counted
                ? prologue + " -> forward -> genstats" : prologue + " -> forward";
        }

        std::string output = expression(last_pointwise(), Float32, Float32, true);
        return input == "t" && output == "relu(add(add(conv,v),t))" ? "forward + bias + add + relu" : "";
    }

    std::string prologue_name(const std::string& input) const
    {
        return input == "t" ? ""
               : input == "relu(" + Scaled + ")" ? "scale+bias+relu"
               : input == "relu(add(" + Scaled + ",t))" ? "scale+bias+add+relu"
               : input == "relu(add(" + Scaled + ",t))!" ? "scale+bias+add+relu(stored)"
               : input == "relu(add(" + Scaled + "," + Scaled + "))!" ? "dual scale+bias+add+relu(stored)"
               : input == "relu(add(" + Scaled + "," + Scaled + "))" ? "dual scale+bias+add+relu"
                                                                     : "?";
    }

    std::string filter()
    {
        used[(std::size_t)index_of(*convolution)] = true;
        std::string input = expression(convolution->x(), io, io), gradient = expression(convolution->y(), io, io);
        std::string prologue = prologue_name(input);
        require_type(convolution->w(), io, "the filter's gradient has not the type of the input");
        require(!tensor(convolution->w()).is_virtual, "the filter's gradient is virtual");
        return gradient != "t" || prologue == "?" ? "" : prologue.empty() ? "filter" : prologue + " -> filter";
    }

    // The tensor that the last pointwise operation writes.
    int last_pointwise() const
    {
        int last = convolution->result();
        for (const Operation& operation : graph.operations)
        {
            if (operation.type == descriptor::PointwiseOperation && !tensor(operation.outputs()[0]).is_virtual)
            {
                last = operation.outputs()[0];
            }
        }

        return last;
    }

    std::string data()
    {
        int dx = convolution->x();
        std::string gradient = expression(convolution->y(), io, Float32);
        if (gradient != "t")
        {
            return "";
        }

        used[(std::size_t)index_of(*convolution)] = true;
        if (!tensor(dx).is_virtual)
        {
            require_type(dx, io, "the output has not the type of the input");
            return convolution->beta == 0 ? "data" : "data beta=1";
        }

        int last = last_pointwise();
        const GraphTensor& output = tensor(last);
        const Operation& end = graph.operations[(std::size_t)output.producer];
        if (end.mode != ReluBackward)
        {
            return expression(last, Float32, Float32, true) == "add(conv,t)" ? "data + add" : "";
        }

        used[(std::size_t)output.producer] = true;
        require_type(last, io, "the output has not the type of the input");
        std::string name = expression(end.at(757), Float32, Float32);
        name = name == "conv" ? "data" : name == "add(conv,t)" ? "data + add" : "?";
        bool of_output = end.at(751) < 0;
        std::string activation = expression(of_output ? end.at(753) : end.at(751), Float32, Float32);
        int weights = norm_weights(last);
        if (name == "?" || (of_output && activation != "t"))
        {
            return "";
        }

        if (activation == "t")
        {
            return weights == 0 ? name + " + drelu" : weights == 1 ? name + " + drelu(stored) + bn weights" : "";
        }

        std::string norm = activation == Norm ? "bn" : activation == "add(" + Norm + ",t)" ? "bn + add" : activation == "add(" + Norm + "," + Norm + ")"
            ? "bn + bn2" : "?";
        if (norm == "?" || weights == 0 || weights > 2)
        {
            return "";
        }

        return norm == "bn" && name == "data" && weights == 1 ? "data + drelu + bn weights" : name + " + drelu(" + norm + ")" + (
            weights == 1 ? " + bn weights" : " + two bn weights");
    }

    // How many operations add up a norm's gradients from this tensor; each must belong to a norm that the graph computes.
    int norm_weights(int gradient)
    {
        int count = 0;
        for (std::size_t i = 0; i < graph.operations.size(); i++)
        {
            const Operation& operation = graph.operations[i];
            if (operation.type == descriptor::NormWeights && operation.at(1625) == gradient)
            {
                used[i] = true;
                count++;
                require_type(operation.at(1624), io, "a norm's input has not the convolution's type");
                for (int attribute = 1621; attribute <= 1630; attribute++)
                {
                    if (attribute != 1624 && attribute != 1625)
                    {
                        require_type(operation.at(attribute), Float32, "a norm's vectors are FLOAT");
                    }
                }

                bool belongs = false;
                for (const Operation& other : graph.operations)
                {
                    belongs |= other.type == descriptor::PointwiseOperation && other.mode == Subtract && other.at(751) == operation.at(1624)
                        && other.at(752) == operation.at(1621);
                }

                require(belongs || tensor(operation.at(1624)).producer < 0, "a norm's weights do not belong to the norm of the graph");
            }
        }

        return count;
    }

    OperationGraph& graph;
    std::vector<bool> used;
    const Operation* convolution = nullptr;
    int io = -1;
    std::string why;
};
}

void name_kind(OperationGraph& graph) { Recognition(graph).run(); }
}
