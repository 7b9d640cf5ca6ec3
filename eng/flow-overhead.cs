#!/usr/bin/env dotnet
#:property PublishAot=false
#:property TreatWarningsAsErrors=true
#:project ../src/Models/Models.csproj
#:project ../src/Study/Study.csproj

// What measuring the flow of gradients in every 10th step costs: resnet20 at batch 128 on one thread, a step with and a step without in turn,
// in processor time, which other programs on the machine disturb less than they do the clock:
//   dotnet run -c Release eng/flow-overhead.cs [ROUNDS]
using System.Diagnostics;
using System.Globalization;
using Engine;
using Engine.Models;
using Engine.Optimizers;
using Engine.Study;

int rounds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 10;
const int Batch = 128, StepsPerRound = 10, Interval = 10;
using CpuDevice device = new(threads: 1);
Network network = Networks.Create("resnet20");
network.To(device);
RandomSource random = new(1, 1);
Shape shape = network.InputShape(Batch);
using Tensor images = Tensor.From<double>(device, shape, [.. Enumerable.Range(0, shape.Count).Select(_ => random.NextNormal())]);
using Tensor labels = Tensor.From<int>(device, new Shape(Batch), [.. Enumerable.Range(0, Batch).Select(i => i % 10)]);
using Sgd optimizer = new(network.Parameters, 0.01, 0.9, 1e-4);
using FlowRecorder recorder = new(network);

TimeSpan Step(bool isMeasured)
{
    using Process process = Process.GetCurrentProcess();
    TimeSpan start = process.TotalProcessorTime;
    if (isMeasured)
    {
        recorder.Begin();
    }

    SoftmaxCrossEntropyOperation.Apply(network.Forward(images), labels).Backward();
    if (isMeasured)
    {
        recorder.EndBackward();
    }

    optimizer.Step();
    if (isMeasured)
    {
        recorder.End(0);
    }

    process.Refresh();
    return process.TotalProcessorTime - start;
}

Step(false);
Step(true);
List<double> overheads = [];
for (int round = 0; round < rounds; round++)
{
    double without = 0, with = 0;
    for (int i = 0; i < StepsPerRound; i++)
    {
        without += Step(false).TotalMilliseconds / StepsPerRound;
        with += Step(true).TotalMilliseconds / StepsPerRound;
    }

    overheads.Add((with - without) / without / Interval);
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"round {round + 1}: {without:F1} ms a step, {with:F1} ms a measured one: {overheads[^1]:P1} when every {Interval}th is measured"));
}

overheads.Sort();
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"median {overheads[overheads.Count / 2]:P1}"));
