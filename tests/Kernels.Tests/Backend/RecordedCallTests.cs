using System.Text.Json;

namespace Engine.Kernels.Tests.Backend;

/// <summary>The emulator's cuDNN accepts what the real one accepted, and refuses everything that is one step off it.</summary>
[Collection("emulator")]
public sealed class RecordedCallTests : EmulatorTest
{
    public static TheoryData<string> Files => [.. RecordedCalls.Names];

    [Fact]
    public void There_are_twelve_recorded_graphs() => Assert.Equal(12, RecordedCalls.Names.Count);

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_recorded_call_is_accepted(string file)
    {
        using RecordedCalls recorded = RecordedCalls.Read(file);
        foreach (RecordedCall call in recorded.Calls)
        {
            Assert.True(recorded.Make(call) == call.Status, $"{call}: {CudaEmulator.LastMessage}");
        }
    }

    /// <summary>The plans' own JSON, where it was recorded: the first plan of each mode.</summary>
    [Theory]
    [InlineData("forward", "forward bf16 ")]
    [InlineData("data-accumulate", "data beta=1 bf16 ")]
    [InlineData("filter", "filter bf16 ")]
    [InlineData("forward-genstats", "forward -> genstats fp16 ")]
    [InlineData("normalized-forward-genstats", "scale+bias+relu -> forward -> genstats fp16 ")]
    [InlineData("block-end-forward-genstats", "scale+bias+add+relu(stored) -> forward -> genstats fp16 ")]
    [InlineData("block-end-two-norms-forward-genstats", "dual scale+bias+add+relu(stored) -> forward -> genstats fp16 ")]
    [InlineData("normalized-filter", "scale+bias+relu -> filter fp16 ")]
    [InlineData("data-drelu-norm", "data + drelu + bn weights fp16 ")]
    [InlineData("data-add-drelu-block-end", "data + add + drelu(bn + add) + bn weights fp16 ")]
    public void A_plan_writes_the_recorded_JSON(string file, string graph)
    {
        using RecordedCalls recorded = RecordedCalls.Read(file);
        foreach (RecordedCall call in recorded.Calls)
        {
            Assert.Equal(call.Status, recorded.Make(call));
        }

        int compared = 0;
        nint operations = recorded[recorded.Calls.Last(call => call is { Name: "create", Type: 15 }).Descriptor];
        foreach (string line in File.ReadLines(Path.Combine(RecordedCalls.Folder, "plans", "samples-h100.jsonl")))
        {
            JsonElement record = JsonDocument.Parse(line).RootElement;
            JsonElement plans = record.GetProperty("plans");
            if (record.GetProperty("graph").GetString()!.StartsWith(graph, StringComparison.Ordinal) && plans.GetArrayLength() > 0
                && plans[0].TryGetProperty("plan", out JsonElement json))
            {
                using BackendSession session = new();
                OfferedPlan plan = session.Plans(operations, recorded[1], record.GetProperty("mode").GetString() == "A" ? 3 : 2)[0];
                Assert.Equal(json.GetRawText(), session.GetText(plan.Descriptor, 405));
                compared++;
            }
        }

        Assert.InRange(compared, 1, 2);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void A_wrong_type_or_count_or_attribute_is_refused_and_the_right_call_is_accepted_afterwards(string file)
    {
        using RecordedCalls recorded = RecordedCalls.Read(file);
        foreach (RecordedCall call in FirstOfEachKind(recorded, "set"))
        {
            nint descriptor = recorded[call.Descriptor];
            byte[] elements = recorded.Elements(call), room = [.. elements, .. elements, .. new byte[64]];
            int other = call.AttributeType == 0 ? 1 : 0;
            Expect(
                BackendLibrary.WrongAttributeType, $"has attribute type {call.AttributeType}, not {other}",
                BackendLibrary.Set(descriptor, call.Attribute, other, call.Count, room));
            Expect(BackendLibrary.BadParam, "elements, not 0", BackendLibrary.Set(descriptor, call.Attribute, call.AttributeType, 0, room));
            Expect(BackendLibrary.BadParam, "elements, not -1", BackendLibrary.Set(descriptor, call.Attribute, call.AttributeType, -1, room));
            Expect(BackendLibrary.NullPointer, "there are no elements", BackendLibrary.Set(descriptor, call.Attribute, call.AttributeType, call.Count, null));
            Expect(BackendLibrary.BadParam, "has no attribute 9999", BackendLibrary.Set(descriptor, 9999, call.AttributeType, call.Count, room));
            if (call is { Count: 1, Attribute: not (801 or >= 102 and <= 105) })
            {
                Expect(BackendLibrary.BadParam, "elements, not 2", BackendLibrary.Set(descriptor, call.Attribute, call.AttributeType, 2, room));
            }

            Expect(BackendLibrary.NotInitialized, "was not finalized", BackendLibrary.Get(descriptor, call.Attribute, call.AttributeType, 0, out _, null));
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void A_descriptor_of_another_type_or_one_that_is_not_finalized_or_destroyed_is_refused(string file)
    {
        using RecordedCalls recorded = RecordedCalls.Read(file);
        foreach (RecordedCall call in FirstOfEachKind(recorded, "set"))
        {
            if (call.AttributeType != BackendLibrary.DescriptorValue)
            {
                continue;
            }

            nint descriptor = recorded[call.Descriptor];
            int type = recorded.Calls.First(other => other.Name == "create" && other.Descriptor == call.Values[0].GetInt32()).Type;
            int Set(nint part) => BackendLibrary.Set(descriptor, call.Attribute, call.AttributeType, 1, BackendLibrary.Encode([part]));
            Assert.Equal(0, BackendLibrary.Create(type, out nint unfinished));
            Assert.Equal(0, BackendLibrary.Create(7, out nint knob));
            Expect(BackendLibrary.NotFinalized, "was not finalized", Set(unfinished));
            Expect(BackendLibrary.WrongDescriptorType, "takes", Set(knob));
            Assert.Equal(0, BackendLibrary.Destroy(unfinished));
            Assert.Equal(0, BackendLibrary.Destroy(knob));
            Expect(BackendLibrary.BadParam, "destroyed", Set(unfinished));
        }
    }

    /// <summary>A twin of each descriptor, with all that it has but one attribute.</summary>
    [Theory]
    [MemberData(nameof(Files))]
    public void A_descriptor_that_lacks_an_attribute_is_not_finalized(string file)
    {
        using RecordedCalls recorded = RecordedCalls.Read(file);
        foreach (RecordedCall end in FirstOfEachKind(recorded, "finalize"))
        {
            List<RecordedCall> sets = [.. recorded.Calls.Where(call => call.Name == "set" && call.Descriptor == end.Descriptor)];
            int type = TypeOf(recorded, end.Descriptor);
            foreach (RecordedCall left in sets)
            {
                // IS_VIRTUAL is optional, and pointwise operands depend on the mode: without one the operands are no longer those of the mode.
                if (left.Attribute == 907)
                {
                    continue;
                }

                Assert.Equal(0, BackendLibrary.Create(type, out nint twin));
                foreach (RecordedCall set in sets.Where(set => set != left))
                {
                    Assert.Equal(0, BackendLibrary.Set(twin, set.Attribute, set.AttributeType, set.Count, recorded.Elements(set)));
                }

                Expect(BackendLibrary.BadParam, left.Attribute switch
                {
                    2702 => "described by a device, a handle or JSON",
                    204 => "for which GPU",
                    751 or 752 or 753 or 756 or 757 => "this one has not",
                    _ => $"lacks attribute {left.Attribute}",
                }, BackendLibrary.Complete(twin));
                Assert.Equal(0, BackendLibrary.Destroy(twin));
            }
        }
    }

    [Fact]
    public void A_finalized_descriptor_takes_no_more_and_is_not_finalized_again()
    {
        using BackendSession session = new();
        nint device = session.Device(RecordedCalls.DeviceJson);
        Expect(BackendLibrary.NotInitialized, "is finalized", BackendLibrary.Set(device, 2702, BackendLibrary.CharValue, 3, "{}\0"u8.ToArray()));
        Expect(BackendLibrary.BadParam, "finalized already", BackendLibrary.Complete(device));
    }

    [Fact]
    public void Types_that_do_not_exist_and_descriptors_that_are_gone_are_refused()
    {
        Expect(BackendLibrary.BadParam, "there is no descriptor type 44", BackendLibrary.Create(44, out _));
        Expect(BackendLibrary.BadParam, "there is no descriptor type -1", BackendLibrary.Create(-1, out _));
        Assert.Equal(BackendLibrary.NotSupported, BackendLibrary.Create(41, out nint attention));
        Assert.Equal(0, attention);
        Assert.Equal(0, BackendLibrary.Create(17, out nint tensor));
        Assert.Equal(0, BackendLibrary.Destroy(tensor));
        Expect(BackendLibrary.BadParam, "destroyed before", BackendLibrary.Destroy(tensor));
        Expect(BackendLibrary.BadParam, "destroyed", BackendLibrary.Complete(tensor));
        Expect(BackendLibrary.NullPointer, "destroyed", BackendLibrary.Complete(0));
    }

    [Fact]
    public void What_is_left_behind_counts_as_leaked_until_it_is_destroyed()
    {
        long before = CudaEmulator.LiveHandles;
        Assert.Equal(0, BackendLibrary.Create(17, out nint tensor));
        Assert.Equal(before + 1, CudaEmulator.LiveHandles);
        Assert.Equal(0, BackendLibrary.Initialize(tensor));
        Assert.Equal(0, BackendLibrary.Destroy(tensor));
        Assert.Equal(before, CudaEmulator.LiveHandles);
    }

    internal static void Expect(int status, string complaint, int actual)
    {
        Assert.True(status == actual, $"status {actual} instead of {status}: {CudaEmulator.LastMessage}");
        Assert.Contains(complaint, CudaEmulator.LastMessage);
    }

    private static int TypeOf(RecordedCalls recorded, int descriptor) =>
        recorded.Calls.First(call => call.Name == "create" && call.Descriptor == descriptor).Type;

    // Makes all calls, and hands out, before it makes it, the first call of its kind to each type of descriptor and attribute.
    private static IEnumerable<RecordedCall> FirstOfEachKind(RecordedCalls recorded, string name)
    {
        HashSet<(int, int, int)> seen = [];
        foreach (RecordedCall call in recorded.Calls)
        {
            // Pointwise operations differ by their mode.
            int operands = call.Name == "finalize" ? recorded.Calls.Count(other => other.Name == "set" && other.Descriptor == call.Descriptor) : 0;
            if (call.Name == name && seen.Add((TypeOf(recorded, call.Descriptor), call.Attribute, operands)))
            {
                yield return call;
            }

            Assert.True(recorded.Make(call) == call.Status, $"{call}: {CudaEmulator.LastMessage}");
        }
    }
}
