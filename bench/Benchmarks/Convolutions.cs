using BenchmarkDotNet.Attributes;
using Engine.Bench.Subjects;

namespace Engine.Bench.Benchmarks;

/// <summary>Convolutions at all shapes of resnet20, resnet18 and resnet50, in their three directions.</summary>
public class Convolutions : DeviceBenchmark
{
    private ConvolutionSubject _subject = null!;
    private Tensor _input = null!, _filter = null!, _output = null!;

    /// <summary>The convolutions of all devices.</summary>
    public static IEnumerable<Subject> Cases => BenchDevice.All.SelectMany(ConvolutionSubject.On);

    /// <summary>Makes the tensors. Each is an input of one direction and the result of another.</summary>
    [GlobalSetup]
    public void Prepare()
    {
        _subject = Open<ConvolutionSubject>();
        _input = _subject.Normal(_subject.Shape.Input);
        _filter = _subject.Normal(_subject.Shape.Filter, _subject.Place.Device.FloatType);
        _output = _subject.Normal(_subject.Output);
    }

    /// <summary>The output from input and filter.</summary>
    [Benchmark]
    public void Forward() => _subject.Place.Device.ConvolutionForward(_input, _filter, _subject.Shape.Geometry, _output);

    /// <summary>The gradient by the input.</summary>
    [Benchmark]
    public void ByData() => _subject.Place.Device.ConvolutionBackwardData(_output, _filter, _subject.Shape.Geometry, _input);

    /// <summary>The gradient by the filter.</summary>
    [Benchmark]
    public void ByFilter() => _subject.Place.Device.ConvolutionBackwardFilter(_input, _output, _subject.Shape.Geometry, _filter);
}
