#!/usr/bin/env dotnet
#:property PublishAot=false
#:property TreatWarningsAsErrors=true
#:project ../src/Models/Models.csproj

// What a process holds that lives long: resident memory, managed memory, threads and descriptors, after each fifth of
//   trainings N [keep]   trainings of a new resnet20 on one device, each model disposed; with "keep" forgotten instead
//   steps N              training steps of one resnet20
//   evaluations N        evaluations of one resnet20 on 360 digits
//   devices N            devices that are opened, train one step and are disposed
// on the CPU (Linux, for /proc/self):
//   dotnet run -c Release eng/long-life.cs -- trainings 60
// Without arguments, all of them with the numbers 60, 60 keep, 20000, 2000 and 1000, each in a process of its own; about an hour on two cores.
// All are flat where the last four lines stay within a few megabytes of each other.
using System.Diagnostics;
using System.Globalization;
using Engine;
using Engine.Data;
using Engine.Models;
using Engine.Training;

if (args.Length == 0)
{
    foreach (string trial in (string[])["trainings 60", "trainings 60 keep", "steps 20000", "evaluations 2000", "devices 1000"])
    {
        using Process process = Process.Start(Environment.ProcessPath!, trial)!;
        process.WaitForExit();
    }

    return;
}

ImageDataset digits = DataSets.Open("digits");
int count = int.Parse(args[1], CultureInfo.InvariantCulture);
bool isForgotten = args.Contains("keep");
Console.WriteLine($"{string.Join(' ', args)}\n    done     resident KB   managed KB   device KB   threads   descriptors");
switch (args[0])
{
    case "trainings":
        using (CpuDevice device = new())
        {
            for (int i = 1; i <= count; i++)
            {
                Train(device, steps: 1);
                Report(i, device);
            }
        }

        break;
    case "steps":
        using (CpuDevice device = new())
        using (Network network = Make())
        {
            TrainingOptions options = Options(count) with { Epochs = 1 + (count / 44) };
            using Trainer trainer = new(network, digits, device, options);
            trainer.StepEnded += step => Report((int)step.GlobalStep, device);
            trainer.Run();
        }

        break;
    case "evaluations":
        using (CpuDevice device = new())
        using (Network network = Make())
        {
            network.To(device);
            for (int i = 1; i <= count; i++)
            {
                using DataLoader loader = new(device, digits.Test, DataLoaderOptions.Evaluation(90, PixelNormalization.None(1)));
                Evaluation.Run(network, loader);
                Report(i, device);
            }
        }

        break;
    case "devices":
        for (int i = 1; i <= count; i++)
        {
            using CpuDevice device = new(threads: 4);
            Train(device, steps: 1);
            Report(i, device);
        }

        break;
    default:
        Console.Error.WriteLine($"long-life: '{args[0]}' is no trial: trainings, steps, evaluations or devices");
        Environment.Exit(2);
        break;
}

static Network Make() => Networks.Create("resnet20", new NetworkOptions { Channels = 1, Classes = 10 });

static TrainingOptions Options(int steps) => TrainingRecipes.For("digits") with { MaxSteps = steps };

void Train(CpuDevice device, int steps)
{
    Network network = Make();
    using (Trainer trainer = new(network, digits, device, Options(steps)))
    {
        trainer.Run();
    }

    if (!isForgotten)
    {
        network.Dispose();
    }
}

void Report(int done, CpuDevice device)
{
    if (done % (count / 5) == 0)
    {
        string resident = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmRSS", StringComparison.Ordinal));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{done,8} {long.Parse(resident.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture),15:N0} "
                + $"{GC.GetTotalMemory(forceFullCollection: !isForgotten) / 1024,12:N0} {device.Memory.ReservedBytes / 1024,11:N0} "
                + $"{Directory.GetFiles("/proc/self/task").Length + Directory.GetDirectories("/proc/self/task").Length,9} "
                + $"{Directory.GetFileSystemEntries("/proc/self/fd").Length,13}"));
    }
}
