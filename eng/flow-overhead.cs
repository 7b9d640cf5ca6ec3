#!/usr/bin/env dotnet
#:property PublishAot=false
#:property TreatWarningsAsErrors=true
#:project ../src/Models/Models.csproj

// What measuring the flow of gradients in every 10th step costs: resnet20 at batch 128 on one thread, ten steps with and ten without in turn,
// in processor time, which other programs on the machine disturb less than they do the clock:
//   dotnet run -c Release eng/flow-overhead.cs [ROUNDS]
using System.Diagnostics;
using System.Globalization;
using Engine;
using Engine.Devices.Cpu;
using Engine.Models;
using Engine.Operations;
using Engine.Tensors;
using Engine.Training;

int rounds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 10;
const int Batch = 128, Steps = 10;
using CpuDevice device = new(threads: 1);
Network network = Networks.Create("resnet20");
network.To(device);
RandomSource random = new(1, 1);
Shape shape = network.InputShape(Batch);
using Tensor images = Tensor.From<double>(device, shape, [.. Enumerable.Range(0, shape.Count).Select(_ => random.NextNormal())]);
using Tensor labels = Tensor.From<int>(device, new Shape(Batch), [.. Enumerable.Range(0, Batch).Select(i => i % 10)]);
using Sgd optimiser = new(network, 0.9, 1e-4);
using FlowRecorder recorder = new(network);

TimeSpan TenSteps(bool isMeasured)
{
    using Process process = Process.GetCurrentProcess();
    TimeSpan start = process.TotalProcessorTime;
    for (int step = 0; step < Steps; step++)
    {
        bool isSampled = isMeasured && step == 0;
        if (isSampled)
        {
            recorder.Begin();
        }

        SoftmaxCrossEntropy.Apply(network.Call(images), labels).Backward();
        if (isSampled)
        {
            recorder.EndBackward();
        }

        optimiser.Step(0.01);
        if (isSampled)
        {
            recorder.End(step);
        }
    }

    process.Refresh();
    return process.TotalProcessorTime - start;
}

TenSteps(true);
List<double> ratios = [];
for (int round = 0; round < rounds; round++)
{
    // Which of the two comes first changes from round to round.
    double first = TenSteps(round % 2 == 0).TotalMilliseconds, second = TenSteps(round % 2 != 0).TotalMilliseconds;
    (double with, double without) = round % 2 == 0 ? (first, second) : (second, first);
    ratios.Add(with / without);
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"round {round + 1}: {without / Steps:F1} ms a step, {with / Steps:F1} ms measured every {Steps}th: {with / without - 1:+0.0 %;-0.0 %}"));
}

ratios.Sort();
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"median {ratios[ratios.Count / 2] - 1:+0.0 %;-0.0 %}"));
