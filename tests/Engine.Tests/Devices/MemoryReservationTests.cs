namespace Engine.Tests.Devices;

public sealed class MemoryReservationTests : IDisposable
{
    private readonly ReferenceDevice _device = new();

    [Fact]
    public void Blocks_of_a_reservation_are_lent_to_nobody_else_until_it_is_disposed()
    {
        nint before = AddressOfOne();
        using MemoryReservation reservation = _device.Memory.BeginReservation();
        nint inside = AddressOfOne();
        nint insideAgain = AddressOfOne();
        reservation.End();
        nint after = AddressOfOne();

        Assert.NotEqual(before, inside);
        Assert.Equal(inside, insideAgain);
        Assert.Equal(before, after);
    }

    [Fact]
    public void A_block_in_use_when_a_reservation_ends_comes_back_to_the_reservation()
    {
        MemoryReservation reservation = _device.Memory.BeginReservation();
        Tensor kept = Tensor.Create(_device, new Shape(8), DataType.Float64);
        nint address = kept.ReadAddress;
        reservation.End();
        kept.Dispose();

        Assert.NotEqual(address, AddressOfOne());
        reservation.Dispose();
        using Tensor first = Tensor.Create(_device, new Shape(8), DataType.Float64);
        using Tensor second = Tensor.Create(_device, new Shape(8), DataType.Float64);
        Assert.Contains(address, new[] { first.ReadAddress, second.ReadAddress });
        Assert.Equal(2, _device.Memory.NativeAllocations);
    }

    [Fact]
    public void A_block_still_in_use_when_a_reservation_is_disposed_comes_back_to_everybody()
    {
        MemoryReservation reservation = _device.Memory.BeginReservation();
        Tensor kept = Tensor.Create(_device, new Shape(8), DataType.Float64);
        nint address = kept.ReadAddress;
        reservation.Dispose();
        kept.Dispose();

        Assert.Equal(address, AddressOfOne());
    }

    [Fact]
    public void Reservations_cannot_be_nested()
    {
        using MemoryReservation reservation = _device.Memory.BeginReservation();
        Assert.Throws<EngineException>(() => _device.Memory.BeginReservation());
    }

    [Fact]
    public void Disposing_the_device_frees_reserved_blocks()
    {
        MemoryReservation reservation = _device.Memory.BeginReservation();
        AddressOfOne();
        reservation.End();
        _device.Dispose();
        Assert.Equal(0, _device.Memory.ReservedBytes);
    }

    [Fact]
    public void A_replay_marks_what_was_written_during_the_reservation_and_nothing_else()
    {
        using Tensor weight = Tensor.Create(_device, new Shape(8), DataType.Float64);
        using Tensor other = Tensor.Create(_device, new Shape(8), DataType.Float64);
        using MemoryReservation reservation = _device.Memory.BeginReservation();
        using Tensor made = Tensor.Create(_device, new Shape(8), DataType.Float64);
        _device.Fill(weight, 1);
        _device.Fill(made, 1);
        Action markWritten = reservation.End();
        (long weightVersion, long otherVersion, long madeVersion) = (weight.Version, other.Version, made.Version);
        _device.Fill(other, 1);

        markWritten();
        markWritten();

        Assert.Equal((weightVersion + 2, otherVersion + 1, madeVersion + 2), (weight.Version, other.Version, made.Version));
    }

    public void Dispose() => _device.Dispose();

    private nint AddressOfOne()
    {
        using Tensor tensor = Tensor.Create(_device, new Shape(8), DataType.Float64);
        return tensor.ReadAddress;
    }
}
