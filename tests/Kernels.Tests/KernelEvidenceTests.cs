using Engine.Evidence;
using Engine.Kernels.Cubin;

namespace Engine.Kernels.Tests;

/// <summary>The checks that eng/compile-kernels.cs runs over compiled kernels.</summary>
public sealed class KernelEvidenceTests
{
    private const string Ptx =
        """
        .version 8.4
        .target sm_80
        .visible .entry loops(
            .param .u64 loops_param_0
        )
        .maxntid 256, 1, 1
        {
            .reg .pred %p<3>;
            .shared .align 4 .b8 sums[1024];
            div.u64 	%rd1, %rd2, %rd3;
            @%p1 bra 	$L__BB0_4;
            bra.uni 	$L__BB0_2;
        $L__BB0_1: // a label with a comment
            rem.s64 	%rd4, %rd1, %rd2;
        $L__BB0_2:
            ld.global.v4.f32 	{%f1, %f2, %f3, %f4}, [%rd5];
            div.s32 	%r1, %r2, %r3;
            { // callseq 0, 0
            call.uni (retval0), f, (param0);
            } // callseq 0
            @!%p2 bra 	$L__BB0_1;
            div.s64 	%rd6, %rd1, %rd2;
            ld.v4.f32 	{%f1, %f2, %f3, %f4}, [%rd5];
            st.f32 	[%rd5], %f1;
        $L__BB0_4:
            ret;
        }
        .visible .entry plain()
        {
            st.global.L1::no_allocate.v4.b32 [%rd1], {%r1, %r2, %r3, %r4};
            ld.global.v2.f32 {%f1, %f2}, [%rd1];
            ret;
        }
        """;

    [Fact]
    public void Divisions_in_loops_wide_and_generic_accesses_are_found_in_PTX()
    {
        IReadOnlyList<PtxKernel> kernels = PtxKernel.ReadAll(Ptx);
        Assert.Equal(["loops", "plain"], kernels.Select(kernel => kernel.Name));
        Assert.Equal((1, 2, 2), (kernels[0].DivisionsInLoops, kernels[0].DivisionsOnce, kernels[0].GenericAccesses));
        Assert.Equal((true, false), (kernels[0].HasWideLoads, kernels[0].HasWideStores));
        Assert.Equal((0, 0, 0), (kernels[1].DivisionsInLoops, kernels[1].DivisionsOnce, kernels[1].GenericAccesses));
        Assert.Equal((false, true), (kernels[1].HasWideLoads, kernels[1].HasWideStores));
    }

    [Fact]
    public void PTX_that_ends_too_early_or_has_no_kernel_is_refused()
    {
        Assert.Contains("within the kernel plain", Assert.Throws<EngineException>(() => PtxKernel.ReadAll(Ptx.TrimEnd()[..^1])).Message);
        Assert.Contains("no kernel", Assert.Throws<EngineException>(() => PtxKernel.ReadAll(".version 8.4")).Message);
        Assert.Contains("jumps to $nowhere", Assert.Throws<EngineException>(() => PtxKernel.ReadAll(".entry k()\n{\nbra $nowhere;\n}")).Message);
    }

    [Fact]
    public void Growth_is_told_with_the_line_that_would_allow_it_and_shrinking_is_not()
    {
        KernelMeasure now = Measure("k", registers: 40, frame: 0, opcodes: ["ld.global.v4.f32", "st.global.v4.f32"]);
        KernelBudgets budgets = KernelBudgets.Parse(KernelBudgets.Of([[now]]).ToString(), "budgets");
        Assert.Empty(budgets.Check([now]));
        Assert.Empty(budgets.Check([Measure("k", 39, 0, ["ld.global.v4.f32", "st.global.v4.f32"])]));
        Assert.Equal(["k"], budgets.Loose([[Measure("k", 39, 0, ["ld.global.v4.f32", "st.global.v4.f32"])]]));

        string breach = Assert.Single(budgets.Check([Measure("k", 41, 8, ["ld.global.v4.f32", "div.s64", "ld.f32"])]));
        Assert.StartsWith(
            "k: 41 registers on sm_80, at most 40; 8 bytes of frame on sm_80, at most 0; 41 registers on sm_90, at most 40; 8 bytes of frame on sm_90, at "
                + "most 0; "
            + "1 64-bit divisions outside of loops, at most 0; 1 generic accesses, at most 0; no more 16-byte st.global; its line would be: k ",
            breach);
        KernelBudgets changed = KernelBudgets.Parse(breach[(breach.IndexOf("would be: ", StringComparison.Ordinal) + 10)..], "budgets");
        Assert.Empty(changed.Check([now, Measure("k", 41, 8, ["ld.global.v4.f32", "div.s64", "ld.f32"])]));
    }

    [Fact]
    public void A_kernel_without_a_budget_and_a_budget_without_a_kernel_are_told()
    {
        KernelMeasure one = Measure("one", 32, 0, []);
        KernelMeasure two = Measure("two", 32, 0, []);
        IReadOnlyList<string> breaches = KernelBudgets.Of([[one]]).Check([two]);
        Assert.StartsWith("two has no budget; its line would be: two", breaches[0]);
        Assert.Equal("one has a budget, but no such kernel exists: delete its line", breaches[1]);
    }

    [Fact]
    public void A_packed_kernel_without_an_access_of_16_bytes_is_told()
    {
        KernelMeasure[] kernels = [Measure("add_f32", 32, 0, ["ld.global.f32"]), Measure("add_f32_1", 32, 0, ["ld.global.f32"])];
        Assert.Equal(
            ["add_f32 is the packed form of add_f32_1, but accesses global memory nowhere 16 bytes at a time"], KernelBudgets.Of([kernels]).Check(kernels));
    }

    [Theory]
    [InlineData("k 1 2 3", "line 1: a line needs")]
    [InlineData("k 1 0 1 0 0 0 0 0 x", "line 1: a line needs")]
    [InlineData("# text\nk 1 0 1 0 0 0 0 0 ls\nk 1 0 1 0 0 0 0 0 ls", "line 3: k has a line already")]
    public void A_line_that_is_no_budget_is_named(string text, string message) =>
        Assert.Contains(message, Assert.Throws<EngineException>(() => KernelBudgets.Parse(text, "budgets")).Message);

    [Fact]
    public void The_table_takes_its_place_in_a_page_and_a_page_without_one_is_refused()
    {
        const string Page = "before\n<!-- The table of kernels is written by: dotnet run eng/compile-kernels.cs -- --update -->\nold\n<!-- End of the table "
            + "of kernels -->\nafter\n";
        string table = KernelTable.Format([Measure("k", 76, 8, [])], new Version(12, 4));
        string page = KernelTable.Replace(Page, table, "page");
        Assert.Contains("| `k` | 76 | 8 | 0 | 3 | 38 % |", page);
        Assert.DoesNotContain("old", page);
        Assert.StartsWith("before\n", page);
        Assert.EndsWith("\nafter\n", page);
        Assert.Equal(page, KernelTable.Replace(page, table, "page"));
        Assert.Contains("page has no place", Assert.Throws<EngineException>(() => KernelTable.Replace("nothing", table, "page")).Message);
    }

    private static KernelMeasure Measure(string name, int registers, int frame, string[] opcodes)
    {
        KernelResources resources = new(name, registers, frame, 0, 0, 0, 256);
        return new KernelMeasure(name, resources, resources, new PtxKernel(name, [.. opcodes.Select(opcode => new PtxInstruction(opcode, IsInLoop: false))]));
    }
}
