// What the engines compute.
#pragma once

#include "cudnn_plans.h"

namespace emulator::dnn
{
// A tensor's values from memory, in the order of the memory, and back.
std::vector<float> load(const GraphTensor& tensor, const void* data);
void store(const GraphTensor& tensor, const std::vector<float>& values, void* data);
// As the tensor's type can hold it.
float round_to(int type, float value);
// Runs a graph's operations; values are those of its tensors, and what is added to is there.
void run_operations(const OperationGraph& graph, const Choice& choice, std::vector<std::vector<float>>& values);
void spoil(Fault fault, std::vector<float>& values);

// Which of the many orders of summation: engines differ in it.
struct Order
{
    bool backwards = false; // the taps, or the pixels, or the filters
    int lanes = 1;          // sums kept side by side within a dot product
    int parts = 1;          // buffers that a gradient is added up in
};

Order order_of(const Choice& choice);
// The convolution of values: the sums only.
std::vector<float> convolve(
    const OperationGraph& graph, const Operation& operation, Order order, const std::vector<float>& first, const std::vector<float>& second);
}
