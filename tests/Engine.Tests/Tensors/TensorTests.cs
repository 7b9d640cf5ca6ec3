namespace Engine.Tests.Tensors;

public sealed class TensorTests : IDisposable
{
    private readonly ReferenceDevice _device = new();

    public void Dispose() => _device.Dispose();

    [Fact]
    public void Numbers_come_back_as_they_went_in()
    {
        Tensor tensor = Tensor.From<float>(_device, new Shape(2, 3), [1, -2, 3.5f, 4, 5, 6]);
        Assert.Equal(DataType.Float64, tensor.Type);
        Assert.Equal(48, tensor.ByteCount);
        Assert.Equal([1, -2, 3.5, 4, 5, 6], tensor.ToArray<double>());
        Assert.Equal([1, -2, 3.5f, 4, 5, 6], tensor.ToArray<float>());
        Assert.Equal([1, -2, 3, 4, 5, 6], tensor.ToArray<int>());
    }

    [Fact]
    public void Integers_keep_their_type_unless_another_is_asked_for()
    {
        Assert.Equal(DataType.Int32, Tensor.From<int>(_device, new Shape(1), [7]).Type);
        Assert.Equal(DataType.UInt8, Tensor.From<byte>(_device, new Shape(1), [7]).Type);
        Tensor asReal = Tensor.From<int>(_device, new Shape(1), [7], DataType.Float64);
        Assert.Equal(7, asReal.Item());
        Assert.Equal(3.140625, Tensor.From<double>(_device, Shape.Scalar, [3.14159], DataType.BFloat16).Item());
    }

    [Fact]
    public void A_wrong_number_of_values_is_refused_and_takes_no_memory()
    {
        ShapeException error = Assert.Throws<ShapeException>(() => Tensor.From<float>(_device, new Shape(2, 3), [1, 2]));
        Assert.Contains("[2, 3] has 6 elements, but 2 values", error.Message);
        Assert.Equal(0, _device.Memory.UsedBytes);

        Tensor tensor = Tensor.Create(_device, new Shape(2, 3), DataType.Float64);
        Assert.Throws<ShapeException>(() => tensor.Read(new double[5]));
        Assert.Throws<ShapeException>(() => tensor.Write<double>(new double[7]));
        Assert.Throws<ShapeException>(() => tensor.Item());
    }

    [Fact]
    public void Elements_of_other_types_are_refused() =>
        Assert.Contains("Int64", Assert.Throws<EngineException>(() => Tensor.From<long>(_device, new Shape(1), [7])).Message);

    [Fact]
    public void A_disposed_tensor_says_so()
    {
        Tensor tensor = Tensor.From<float>(_device, new Shape(3), [1, 2, 3]);
        tensor.Dispose();
        tensor.Dispose();

        Assert.True(tensor.IsReleased);
        Assert.Equal(0, _device.Memory.UsedBytes);
        Assert.Contains("[3] was disposed", Assert.Throws<ObjectDisposedException>(() => tensor.ToArray<double>()).Message);
        Assert.Throws<ObjectDisposedException>(() => tensor.ReadAddress);
        Assert.EndsWith("(released)", tensor.ToString());
    }

    [Fact]
    public void Writing_counts_as_a_new_version()
    {
        Tensor tensor = Tensor.From<float>(_device, new Shape(2), [1, 2]);
        long before = tensor.Version;
        tensor.Write<float>([3, 4]);
        Assert.True(tensor.Version > before);
    }

    [Fact]
    public void Asking_for_the_address_to_write_counts_as_a_new_version_and_for_the_address_to_read_does_not()
    {
        Tensor tensor = Tensor.From<float>(_device, new Shape(2), [1, 2]);
        long before = tensor.Version;
        Assert.Equal(tensor.ReadAddress, tensor.ReadAddress);
        Assert.Equal(before, tensor.Version);
        Assert.Equal(tensor.ReadAddress, tensor.WriteAddress());
        Assert.Equal(before + 1, tensor.Version);
    }

    [Fact]
    public void A_view_shares_the_numbers_and_keeps_the_memory_alive()
    {
        Tensor tensor = Tensor.From<float>(_device, new Shape(2, 3), [1, 2, 3, 4, 5, 6]);
        Tensor view = tensor.View(new Shape(6), isTapeOwned: false);
        long before = tensor.Version;
        _device.Fill(view, 9);
        Assert.Equal(9, tensor.ToArray<double>()[5]);
        Assert.True(tensor.Version > before, "writing to a view did not count as a new version");

        tensor.Dispose();
        Assert.NotEqual(0, _device.Memory.UsedBytes);
        Assert.Equal(9, view.ToArray<double>()[0]);

        view.Dispose();
        Assert.Equal(0, _device.Memory.UsedBytes);
    }

    [Fact]
    public void Addresses_are_multiples_of_64()
    {
        for (int count = 1; count < 300; count += 13)
        {
            Assert.Equal(0, Tensor.Create(_device, new Shape(count), DataType.UInt8).ReadAddress % 64);
        }
    }
}
